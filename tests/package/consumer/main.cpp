#include <bastion/base/version.hpp>

#include <cstdio>

int main() {
    auto version = bastion::version();
    std::printf("Bastion %.*s\n", static_cast<int>(version.size()), version.data());
    return version.empty() ? 1 : 0;
}
