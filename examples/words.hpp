// The words of a file, for word_count.cpp. A word is a run of the letters A to Z and a to z.
#ifndef BASTION_EXAMPLES_WORDS_HPP
#define BASTION_EXAMPLES_WORDS_HPP

#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

using chunk = std::shared_ptr<const std::string>;
using chunk_counts = std::unordered_map<std::string_view, unsigned long>;  // the keys lie in the chunk

inline bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// The next 64 KiB, and what is missing to the end of their last word; null at the end of the file.
inline chunk next_chunk(std::ifstream& file) {
    std::string text(65536, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    if (text.empty()) return nullptr;
    for (char c = 0; is_letter(text.back()) && file.get(c);) text.push_back(c);
    return std::make_shared<const std::string>(std::move(text));
}

inline chunk_counts count(std::string_view text) {
    chunk_counts counts;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const std::size_t begin = at;
        while (at < text.size() && is_letter(text[at])) ++at;
        if (at > begin) ++counts[text.substr(begin, at - begin)];
    }
    return counts;
}

#endif
