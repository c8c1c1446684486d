// How a point is made: the runtime around it, what an element weighs, where the elements lie.

#include "curves.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <exception>
#include <future>
#include <numeric>
#include <utility>

namespace curves {
namespace {

template <class Found, class Start>
Found in_runtime(unsigned workers, faults expected, Start start) {
    std::promise<Found> promised;
    bastion::runtime rt(bench::card_config(workers, expected));
    rt.spawn([&promised, start](bastion::context ctx) -> bastion::process {
        try {
            auto found = co_await start(ctx);
            promised.set_value(found);
        } catch (const std::exception& e) { bench::failed(e.what()); }
    });
    const Found found = promised.get_future().get();
    rt.stop();
    check(rt.wait() == 0, "the exit code of the runtime");
    return found;
}

} // namespace

point run(const request& r, work body, faults expected) {
    return in_runtime<point>(r.workers, expected, [body, r](bastion::context ctx) { return body(ctx, r); });
}

double weigh(const request& r, std::uint64_t n, weighing body) {
    n = std::max<std::uint64_t>(r.share(n), 5'000);
    int ends[2];
    check(::pipe(ends) == 0, "no pipe");
    const pid_t child = ::fork();
    check(child >= 0, "no fork");
    double bytes = 0;
    if (child == 0) {
        ::close(ends[0]);
        bytes = in_runtime<double>(1, faults::none, [body, n](bastion::context ctx) { return body(ctx, n); });
        std::_Exit(::write(ends[1], &bytes, sizeof bytes) == sizeof bytes ? 0 : 1);
    }
    ::close(ends[1]);
    const bool told = ::read(ends[0], &bytes, sizeof bytes) == sizeof bytes;
    ::close(ends[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) check(errno == EINTR, "the forked program is lost");
    check(told && WIFEXITED(status) && WEXITSTATUS(status) == 0 && bytes >= 0, "what an element weighs");
    return bytes;
}

std::vector<std::uint32_t> places_in_line(std::uint64_t n) {
    std::vector<std::uint32_t> all(n);
    std::iota(all.begin(), all.end(), 0u);
    return all;
}

std::vector<std::uint32_t> places(std::span<const bastion::child_ref> visited) {
    std::vector<std::pair<std::uintptr_t, std::uint32_t>> by_address;
    by_address.reserve(visited.size());
    for (const bastion::child_ref& one : visited)
        by_address.emplace_back(reinterpret_cast<std::uintptr_t>(one.where().block), by_address.size());
    std::sort(by_address.begin(), by_address.end());
    std::vector<std::uint32_t> place(visited.size());
    for (std::uint32_t i = 0; i < place.size(); ++i) place[by_address[i].second] = i;
    return place;
}

} // namespace curves
