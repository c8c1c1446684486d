#pragma once

// Checks a JSON value against a schema of JSON Schema 2020-12, as far as our schemas use it; a word that it does not know
// is a fault of the schema. Boost's parser is strict: what it takes is JSON. One source file of a program includes
// <boost/json/src.hpp>.

#include <boost/json.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace test {

class schema {
public:
    explicit schema(const std::string& text) : root_(boost::json::parse(text)) {}

    // What is wrong, a line each; none: it is valid.
    [[nodiscard]] std::vector<std::string> faults_of(const boost::json::value& v) const {
        std::vector<std::string> faults;
        check(v, root_, "", faults);
        return faults;
    }

private:
    using json = boost::json::value;

    static bool is_word_without_effect(std::string_view word) {
        static constexpr std::string_view words[] = {"$schema", "$id", "$defs", "title", "description"};
        return std::find(std::begin(words), std::end(words), word) != std::end(words);
    }
    static bool has_type(const json& v, std::string_view type) {
        if (type == "object") return v.is_object();
        if (type == "array") return v.is_array();
        if (type == "string") return v.is_string();
        if (type == "boolean") return v.is_bool();
        return type == "integer" && (v.is_int64() || v.is_uint64());
    }

    void check(const json& v, const json& rules, const std::string& where, std::vector<std::string>& faults) const {
        const auto wrong = [&](const std::string& why) { faults.push_back(where + ": " + why); };
        for (const auto& [key, rule] : rules.as_object()) {
            const std::string_view word(key);
            if (is_word_without_effect(word)) continue;
            if (word == "$ref") {
                check(v, root_.at_pointer(std::string_view(rule.as_string()).substr(1)), where, faults);
            } else if (word == "type") {
                if (!has_type(v, rule.as_string())) wrong("is no " + std::string(rule.as_string()));
            } else if (word == "const") {
                if (v != rule) wrong("is not " + boost::json::serialize(rule));
            } else if (word == "enum") {
                const auto& all = rule.as_array();
                if (std::find(all.begin(), all.end(), v) == all.end()) wrong("is none of its words");
            } else if (word == "minimum") {
                if (v.is_int64() && v.as_int64() < rule.as_int64()) wrong("is too small");
            } else if (word == "required") {
                for (const json& name : rule.as_array())
                    if (v.is_object() && !v.as_object().contains(name.as_string()))
                        wrong("has no " + std::string(name.as_string()));
            } else if (word == "properties" || word == "additionalProperties") {
                check_members(v, word, rules, where, faults);
            } else if (word == "items") {
                if (!v.is_array()) continue;
                std::size_t i = 0;
                for (const json& item : v.as_array()) check(item, rule, where + "/" + std::to_string(i++), faults);
            } else if (word == "oneOf") {
                check_one_of(v, rule, where, faults);
            } else {
                wrong("the schema says " + std::string(word) + ", which this check does not know");
            }
        }
    }

    void check_members(const json& v, std::string_view word, const json& rules, const std::string& where,
        std::vector<std::string>& faults) const {
        if (!v.is_object()) return;
        const json* known = rules.as_object().if_contains("properties");
        for (const auto& [name, member] : v.as_object()) {
            const std::string place = where + "/" + std::string(name);
            const json* const own = known != nullptr ? known->as_object().if_contains(name) : nullptr;
            if (word == "properties") {
                if (own != nullptr) check(member, *own, place, faults);
                continue;
            }
            if (own != nullptr) continue;
            const json& others = rules.as_object().at("additionalProperties");
            if (!others.is_bool()) check(member, others, place, faults);
            else if (!others.as_bool()) faults.push_back(place + ": is not in the schema");
        }
    }

    void check_one_of(
        const json& v, const json& rule, const std::string& where, std::vector<std::string>& faults) const {
        std::vector<std::string> all;
        int fit = 0;
        for (const json& one : rule.as_array()) {
            std::vector<std::string> of_this;
            check(v, one, where, of_this);
            fit += of_this.empty() ? 1 : 0;
            all.insert(all.end(), of_this.begin(), of_this.end());
        }
        if (fit == 1) return;
        faults.push_back(where + ": fits " + std::to_string(fit) + " of those that it may be");
        faults.insert(faults.end(), all.begin(), all.end());
    }

    json root_;
};

} // namespace test
