// The readable name of a type, for reports only: never for identity (two anonymous namespaces share names).
#ifndef BASTION_BASE_TYPE_NAME_HPP
#define BASTION_BASE_TYPE_NAME_HPP

#include <string>
#include <string_view>
#include <type_traits>

namespace bastion {

template <class T>
[[nodiscard]] constexpr std::string_view type_name() noexcept {
    if constexpr (std::is_same_v<T, std::string>) return "std::string";
    constexpr std::string_view text = __PRETTY_FUNCTION__;
    constexpr auto begin = text.find("T = ") + 4;
    // g++ ends the list of parameters with ';' when there is more to say, both compilers with ']'.
    constexpr auto semicolon = text.find(';', begin);
    constexpr auto end = semicolon != std::string_view::npos ? semicolon : text.rfind(']');
    return text.substr(begin, end - begin);
}

} // namespace bastion

#endif
