#include "runtime/last_words.hpp"

#include "runtime/reporter.hpp"
#include "supervision/group.hpp"

#include <bastion/process/panic.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <unistd.h>

namespace bastion::detail {
namespace {

std::terminate_handler before = nullptr;
std::atomic<bool> said{false}; // by std::terminate, which then aborts

void say_last_words() {
    said.store(true);
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

// A line of which as much is kept as fits: a signal handler may not allocate.
class short_line {
public:
    short_line& operator<<(std::string_view part) noexcept {
        part = part.substr(0, text_.size() - size_);
        std::copy(part.begin(), part.end(), text_.data() + size_);
        size_ += part.size();
        return *this;
    }
    short_line& operator<<(std::int64_t n) noexcept {
        std::array<char, 24> digits{};
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n);
        return *this << std::string_view(digits.data(), static_cast<std::size_t>(end.ptr - digits.data()));
    }
    void write() noexcept {
        text_[std::min(size_, text_.size() - 1)] = '\n';
        (void)!::write(STDERR_FILENO, text_.data(), std::min(size_ + 1, text_.size()));
    }

private:
    std::array<char, 512> text_{};
    std::size_t size_ = 0;
};

struct sigaction abort_before;

void on_abort(int number, siginfo_t* info, void* context) {
    if (running_block() != nullptr && !said.exchange(true)) say_last_words_of_signal("SIGABRT", "abort() was called");
    if ((abort_before.sa_flags & SA_SIGINFO) != 0) abort_before.sa_sigaction(number, info, context);
    else if (abort_before.sa_handler != SIG_DFL && abort_before.sa_handler != SIG_IGN) abort_before.sa_handler(number);
    // When this returns, abort() sends the signal once more, to its default.
}

} // namespace

void say_last_words_of_signal(const char* what, const char* why) noexcept {
    short_line line;
    line << "bastion: ";
    const control_block* here = running_block();
    if (here != nullptr && here->kind == process_kind::system) {
        line << "a system process";
        if (const std::string& path = static_cast<const owner*>(here->frame)->path(); !path.empty())
            line << " " << path;
    } else if (here != nullptr) {
        const group& above = group_of(*here);
        line << above.path() << "/";
        if (group::is_main(*here)) line << "main";
        else line << here->index;
        if (const source_location place = above.place_of(*here); place.known()) {
            std::string_view file(place.file_name());
            if (const auto slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
            line << " (spawned at " << file << ":" << place.line() << ")";
        }
    }
    line << (here != nullptr ? ": the program ends inside this process: " : "the program ends: ") << what << ": "
         << why;
    line.write();
}

void install_last_words_of_abort() noexcept {
    static const bool installed = [] {
        struct sigaction action = {};
        action.sa_sigaction = &on_abort;
        sigemptyset(&action.sa_mask);
        action.sa_flags = SA_SIGINFO;
        return sigaction(SIGABRT, &action, &abort_before) == 0;
    }();
    (void)installed;
}

void install_last_words() noexcept {
    static const bool installed = [] {
        before = std::set_terminate(&say_last_words);
        return true;
    }();
    (void)installed;
}

} // namespace bastion::detail
