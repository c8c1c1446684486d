// A crowd: the processes that were spawned as functions or tasks below one supervisor, and of which it knows only when it asks.
//
// A process that spawns another enters it here and lets it run; one that ends by itself, with nothing to tell, leaves and gives its block
// back. Neither is anybody's turn. Their owner (the supervisor's implicit group) takes out those it has something to do with: one by one
// when somebody speaks of one, or has to be told of its end; all of them when it stops, is asked who there is, or passes something on. Who
// was taken out is a child as any other, and tells its owner of its end.
// Thread safety: join and leave on any worker; the rest by the owner. Cost: a spin lock that only other workers' thieves and the owner
// contend for, since each worker has a page of its own.
//
// Protocol:
//  1. Each page has a lock, under which all of it is read and written. It is open while its owner runs. Whoever finds it closed goes by the
//     owner's lane, as plain threads do. A worker's page is made when it is needed first.
//  2. A process knows its page, and the page's number when it came. A page gets another number when everybody is taken out, a process the
//     number 0 when it alone is: so who leaves, under the lock, sees whether it was taken out. If so it tells its owner; if not nobody
//     knows of it any more, and its generation grows there and then.
//  3. The owner looks for one under the locks of all its pages: what lives, and is its own, does not leave meanwhile; and what is its own and
//     on no page was taken out before, or came by the lane. No page is made meanwhile.
//  4. An owner closes its pages, and takes everybody out, before it waits for the end of its children: so a page outlives those on it.
//  5. Indices grow on a page. New ones, above all that were ever given, are taken there for who has spawned on another page before, and when
//     somebody has come by the lane. So what a process spawns is in order, and comes behind that process and behind those whom it has seen come
//     by the lane; what different processes spawn on different workers is in any order.
#ifndef BASTION_PROCESS_CROWD_HPP
#define BASTION_PROCESS_CROWD_HPP

#include <bastion/base/atomics.hpp>
#include <bastion/base/compiler.hpp>
#include <bastion/base/intrusive_list.hpp>
#include <bastion/base/spin_lock.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace bastion::detail {

template <class T, class Atomics>
struct basic_crowd_page;

// Where a process is; in its block. All zeros: on no page.
template <class T, class Atomics = std_atomics>
struct basic_crowd_place {
    using page_type = basic_crowd_page<T, Atomics>;

    typename Atomics::template var<page_type*> page;
    typename Atomics::template var<std::uint32_t> number;
    const page_type* spawns_on = nullptr; // where its last child came: its own

    void set(page_type* p, std::uint32_t n) noexcept {
        page.set(p);
        number.set(n);
        spawns_on = p;
    }
};

// `T` has a hook `sibling`, a `place`, an `index` and a `generation`.
template <class T, class Atomics = std_atomics>
struct alignas(cache_line) basic_crowd_page {
    using list = intrusive_list<T, &T::sibling>;

    basic_spin_lock<Atomics> lock;
    typename Atomics::template var<bool> open;
    typename Atomics::template var<std::uint32_t> number; // 0 is no process'
    std::uint32_t next_index = 0; // of those that it may give
    std::uint32_t indices_end = 0;
    std::uint32_t indices = 0; // how many it took the last time
    std::uint32_t by_lane = 0; // how many had come by the lane then
    list all; // in the order in which they came

    [[nodiscard]] bool has(const T& one) const noexcept {
        return one.place.page.get() == this && one.place.number.get() == number.get();
    }
    void take_out(T& one) noexcept {
        all.erase(&one);
        one.place.number.set(0);
    }
};

template <class T, class Atomics = std_atomics>
class basic_crowd {
public:
    using page = basic_crowd_page<T, Atomics>;
    using list = typename page::list;

    // `workers`: the numbers of those that have a page, from 0.
    explicit basic_crowd(std::size_t workers, std::uint32_t first_index = 0)
        : size_(workers), pages_(new slot[workers]{}), next_index_(first_index) {}
    basic_crowd(const basic_crowd&) = delete;
    basic_crowd& operator=(const basic_crowd&) = delete;
    ~basic_crowd() {
        each([](page& p) { delete &p; });
    }

    // On a worker: `one`, which nobody knows yet, is there; it gets its index. `spawner`: who runs here; may be null. False: it must go by the
    // owner's lane.
    [[nodiscard]] bool join(T& one, std::size_t worker, T* spawner) noexcept {
        page* const mine = page_of(worker);
        if (mine == nullptr) return false;
        const std::lock_guard lock(mine->lock);
        if (!mine->open.get()) return false;
        const bool came_here = spawner == nullptr || std::exchange(spawner->place.spawns_on, mine) != mine;
        const std::uint32_t seen = by_lane_.load(std::memory_order_relaxed); // whom it has seen come its maker knows
        if (came_here || mine->next_index == mine->indices_end || mine->by_lane != seen) {
            mine->by_lane = seen;
            mine->indices = std::clamp(mine->indices * 2, 1u, most_indices);
            mine->next_index = take_indices(mine->indices);
            mine->indices_end = mine->next_index + mine->indices;
        }
        one.index = mine->next_index++;
        one.place.set(mine, mine->number.get());
        mine->all.push_back(&one);
        return true;
    }

    // At its end, by itself. True: nobody knows it any more. False: its owner must be told.
    [[nodiscard]] static bool leave(T& one) noexcept {
        page* const mine = one.place.page.get();
        if (mine == nullptr) return false;
        const std::lock_guard lock(mine->lock);
        if (!mine->has(one)) return false;
        mine->take_out(one);
        one.generation.next();
        return true;
    }

    // ---- the owner's
    // An index for one that came by the lane. Those that come to the pages from now on are behind it.
    [[nodiscard]] std::uint32_t index_by_lane() noexcept {
        const std::uint32_t index = take_indices(1);
        by_lane_.store(by_lane_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); // nobody else does
        return index;
    }
    void open() noexcept { admit(true); }
    void close() noexcept { admit(false); }

    // Takes everybody out; `to` is in the order of the indices then.
    void take_all(list& to) noexcept {
        sorter newer;
        each([&newer](page& p) {
            list some;
            {
                const std::lock_guard lock(p.lock);
                assert(p.number.get() != 0); // it has been made
                if (p.all.empty()) return;
                some = std::exchange(p.all, list());
                p.number.set(std::max(p.number.get() + 1, 1u));
            }
            newer.add(some);
        });
        if (std::exchange(in_disorder_, false)) {
            sorter older;
            while (!to.empty()) {
                list run;
                do run.push_back(to.pop_front());
                while (!to.empty() && !comes_before(*to.front(), *run.back()));
                older.add(run);
            }
            to = older.all();
        }
        list some = newer.all();
        list last; // of `to`: those behind the first of `some`, which are few
        while (!some.empty() && !to.empty() && comes_before(*some.front(), *to.back())) last.push_front(to.pop_back());
        last = merged(last, some);
        while (T* const one = last.pop_front()) to.push_back(one);
    }

    // Takes `one` out, if it is there: it has ended, and waits for what its owner does.
    void take(T& one, list& to) noexcept {
        page* const its = one.place.page.get();
        if (its == nullptr) return;
        {
            const std::lock_guard lock(its->lock);
            if (!its->has(one)) return;
            its->take_out(one);
        }
        to.push_back(&one); // for so short a time that the order does not matter
    }

    // The same of one that may be gone: `is_own` says, while nobody leaves, whether `one` lives and is the owner's. What that has said.
    template <class IsOwn>
    [[nodiscard]] bool take_if(T& one, list& to, IsOwn is_own) noexcept {
        const std::lock_guard no_others(making_); // so that those that are unlocked are those that were locked
        each([](page& p) { p.lock.lock(); });
        const bool own = is_own();
        page* const its =
            own ? one.place.page.get() : nullptr; // who is not its own may be gone, and with it what its place was
        const bool there = its != nullptr && its->has(one);
        if (there) its->take_out(one);
        each([](page& p) { p.lock.unlock(); });
        if (there) append(one, to);
        return own;
    }

private:
    using slot = typename Atomics::template atomic<page*>;
    static constexpr std::uint32_t most_indices = 64;

    // So many indices that nobody else gets.
    [[nodiscard]] std::uint32_t take_indices(std::uint32_t n) noexcept {
        return next_index_.fetch_add(n, std::memory_order_relaxed); // numbers, no order
    }

    // Null: it is closed, or there is no memory.
    [[nodiscard]] page* page_of(std::size_t worker) noexcept {
        if (worker >= size_) return nullptr;
        page* const there = pages_[worker].load(std::memory_order_relaxed); // this worker's own doing
        return there != nullptr ? there : make_page(worker);
    }
    BASTION_COLD page* make_page(std::size_t worker) noexcept {
        const std::lock_guard lock(making_);
        if (!open_.get()) return nullptr;
        auto* const made = new (std::nothrow) page;
        if (made == nullptr) return nullptr;
        made->open.set(true);
        made->number.set(1);
        pages_[worker].store(made, std::memory_order_release); // pairs with each
        return made;
    }

    // Those that are there.
    template <class F>
    void each(F f) noexcept {
        for (std::size_t i = 0; i < size_; ++i)
            if (page* const p = pages_[i].load(std::memory_order_acquire)) f(*p); // pairs with make_page
    }

    void admit(bool open) noexcept {
        const std::lock_guard lock(making_);
        open_.set(open);
        each([open](page& p) {
            const std::lock_guard of_page(p.lock);
            p.open.set(open);
        });
    }

    // ---- in the order of the indices, of which fewer than half of all numbers are in use
    [[nodiscard]] static bool comes_before(const T& a, const T& b) noexcept {
        return static_cast<std::int32_t>(a.index - b.index) < 0;
    }
    void append(T& one, list& to) noexcept {
        in_disorder_ = in_disorder_ || (!to.empty() && comes_before(one, *to.back()));
        to.push_back(&one);
    }
    // Of two that are sorted; they are empty then.
    [[nodiscard]] static list merged(list& a, list& b) noexcept {
        if (a.empty()) return std::exchange(b, list());
        if (b.empty()) return std::exchange(a, list());
        list all;
        while (!a.empty()) all.push_back((!b.empty() && comes_before(*b.front(), *a.front()) ? b : a).pop_front());
        while (T* const one = b.pop_front()) all.push_back(one);
        return all;
    }
    // Merge sort, of lists that are sorted.
    class sorter {
    public:
        void add(list some) noexcept {
            std::size_t k = 0;
            for (; k + 1 < made_of_.size() && !made_of_[k].empty(); ++k) some = merged(made_of_[k], some);
            made_of_[k] = merged(made_of_[k], some);
        }
        [[nodiscard]] list all() noexcept {
            list all;
            for (list& some : made_of_) all = merged(some, all);
            return all;
        }

    private:
        std::array<list, 32> made_of_; // the k-th is empty, or made of 2^k; the last of more
    };

    const std::size_t size_;
    const std::unique_ptr<slot[]> pages_; // of the workers, by their numbers
    typename Atomics::template atomic<std::uint32_t> next_index_;
    typename Atomics::template atomic<std::uint32_t> by_lane_{0}; // how many have come by the lane
    basic_spin_lock<Atomics> making_; // Guards the next, and the making of pages.
    typename Atomics::template var<bool> open_;
    bool in_disorder_ = false; // The owner's: its list is not in the order of the indices
};

} // namespace bastion::detail

#endif
