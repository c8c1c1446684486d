#include "runtime/last_words.hpp"

#include "runtime/reporter.hpp"
#include "supervision/group.hpp"

#include <bastion/process/panic.hpp>

#include <cstdlib>
#include <exception>
#include <string>

namespace bastion::detail {
namespace {

std::terminate_handler before = nullptr;

void say_last_words() {
    if (control_block* here = running_block(); here != nullptr && here->kind != process_kind::system) {
        const group& above = group_of(*here); // its path and its place do not change while the element runs
        std::string text = "bastion: " + above.path_of(*here);
        if (const source_location place = above.place_of(*here); place.known())
            text += " (spawned at " + place.to_string() + ")";
        text += ": the program ends inside this process";
        if (std::current_exception() != nullptr) text += ": " + std::string(reason_of_current_exception().what());
        reporter::line(text + "\n");
    }
    if (before != nullptr) before();
    std::abort();
}

} // namespace

void install_last_words() noexcept {
    static const bool installed = [] {
        before = std::set_terminate(&say_last_words);
        return true;
    }();
    (void)installed;
}

} // namespace bastion::detail
