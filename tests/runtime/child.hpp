// Runs a hidden test case of this program as a program of its own: for what ends a program.
#ifndef BASTION_TESTS_RUNTIME_CHILD_HPP
#define BASTION_TESTS_RUNTIME_CHILD_HPP

#include <bastion/base/compiler.hpp>

#include <csignal>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

class child_program {
public:
    // `name`: of the test case; `environment`: NAME=value.
    explicit child_program(const char* name, std::vector<std::string> environment = {}) {
        int ends[2];
        if (pipe(ends) != 0) return;
        std::vector<std::string> words = command(name);
        std::vector<char*> argv;
        for (std::string& w : words) argv.push_back(w.data());
        argv.push_back(nullptr);
        pid_ = fork();
        if (pid_ == 0) {
            dup2(ends[1], 1);
            dup2(ends[1], 2);
            close(ends[0]);
            close(ends[1]);
            for (std::string& e : environment) putenv(e.data());
            execvp(argv[0], argv.data());
            _exit(127);
        }
        close(ends[1]);
        from_ = ends[0];
    }
    child_program(const child_program&) = delete;
    child_program& operator=(const child_program&) = delete;
    ~child_program() {
        if (pid_ > 0) (void)finish();
    }

    // Reads until `text` has come (or the program has ended).
    bool saw(const std::string& text) {
        char c = 0;
        while (output_.find(text) == std::string::npos)
            if (read(from_, &c, 1) == 1) output_ += c;
            else return false;
        return true;
    }
    void signal(int number) const { kill(pid_, number); }
    // Everything it wrote; afterwards `code` (of exit) or `killed_by` (a signal) is set.
    std::string finish() {
        char buffer[512];
        for (ssize_t n = 0; (n = read(from_, buffer, sizeof buffer)) > 0;)
            output_.append(buffer, static_cast<std::size_t>(n));
        close(from_);
        int status = 0;
        waitpid(pid_, &status, 0);
        pid_ = -1;
        if (WIFEXITED(status)) code = WEXITSTATUS(status);
        if (WIFSIGNALED(status)) killed_by = WTERMSIG(status);
        return output_;
    }
    // The thread sanitizer ends a program that aborts by an exit code of its own.
    [[nodiscard]] bool aborted() const { return killed_by == SIGABRT || (BASTION_TSAN != 0 && code > 0); }
    int code = -1;
    int killed_by = 0;

private:
    static std::vector<std::string> command(const char* name) {
#if defined(BASTION_TEST_EMULATOR)
        // The kernel would start the emulator anew: only a reader of the link is shown the emulated program.
        return {BASTION_TEST_EMULATOR, std::filesystem::read_symlink("/proc/self/exe"), name};
#else
        return {"/proc/self/exe", name};
#endif
    }

    pid_t pid_ = -1;
    int from_ = -1;
    std::string output_;
};

#endif
