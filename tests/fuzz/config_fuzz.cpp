// Settings from outside: any name and value is taken, or refused by an error that names it.
#include <bastion/runtime/config.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto equals = input.find('=');
    const std::string_view name = input.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : input.substr(equals + 1);
    try {
        bastion::config().with_variable(name, value);
    } catch (const bastion::bad_config& e) {
        if (std::string_view(e.what()).find(name.substr(0, name.find('\0'))) == std::string_view::npos) std::abort();
    }
    return 0;
}
