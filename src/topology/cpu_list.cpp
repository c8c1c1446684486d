#include <bastion/topology/cpu_list.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace bastion::topology {
namespace {

constexpr int most = 1'000'000;

// Below 0: it is no number.
int number_of(std::string_view text) noexcept {
    int n = -1;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc() && end == text.data() + text.size() && n <= most ? n : -1;
}

} // namespace

std::vector<int> cpus_of(std::string_view list) {
    std::vector<int> all;
    for (std::size_t at = 0; at <= list.size();) {
        const std::size_t comma = std::min(list.find(',', at), list.size());
        const std::string_view part = list.substr(at, comma - at);
        const std::size_t dash = part.find('-');
        const int first = number_of(part.substr(0, dash));
        const int last = dash == std::string_view::npos ? first : number_of(part.substr(dash + 1));
        if (first < 0 || last < first) throw std::invalid_argument(std::string(part));
        for (int n = first; n <= last; ++n) all.push_back(n);
        at = comma + 1;
    }
    return all;
}

std::string to_list(std::vector<int> cpus) {
    std::sort(cpus.begin(), cpus.end());
    cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
    std::string text;
    for (std::size_t i = 0; i < cpus.size();) {
        std::size_t last = i;
        while (last + 1 < cpus.size() && cpus[last + 1] == cpus[last] + 1) ++last;
        text += (text.empty() ? "" : ",") + std::to_string(cpus[i]);
        if (last > i) text += "-" + std::to_string(cpus[last]);
        i = last + 1;
    }
    return text;
}

} // namespace bastion::topology
