// Where a call was written. Our own, because clang 14 with libstdc++ has no std::source_location.
#ifndef BASTION_BASE_SOURCE_LOCATION_HPP
#define BASTION_BASE_SOURCE_LOCATION_HPP

#include <string>

namespace bastion {

class source_location {
public:
    constexpr source_location() noexcept = default;

    [[nodiscard]] static constexpr source_location current(const char* file = __builtin_FILE(),
        int line = __builtin_LINE(), const char* function = __builtin_FUNCTION()) noexcept {
        return at(file, line, function);
    }
    // The texts must live as long as the program.
    [[nodiscard]] static constexpr source_location at(const char* file, int line, const char* function = "") noexcept {
        source_location here;
        here.file_ = file;
        here.line_ = line;
        here.function_ = function;
        return here;
    }

    [[nodiscard]] constexpr const char* file_name() const noexcept { return file_; }
    [[nodiscard]] constexpr const char* function_name() const noexcept { return function_; }
    [[nodiscard]] constexpr int line() const noexcept { return line_; }
    [[nodiscard]] constexpr bool known() const noexcept { return line_ != 0; }

    // "file.cpp:12", the file without its folders; empty when unknown.
    [[nodiscard]] std::string to_string() const {
        if (!known()) return {};
        std::string file(file_);
        if (const auto slash = file.rfind('/'); slash != std::string::npos) file.erase(0, slash + 1);
        return file + ":" + std::to_string(line_);
    }

private:
    const char* file_ = "";
    const char* function_ = "";
    int line_ = 0;
};

} // namespace bastion

#endif
