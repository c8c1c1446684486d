// Distributors: send to one of a named set of processes, in turn, or to all of them.
//
//   ctx.spawn(bastion::children().with_redundancy(5).with_distributor("staff").with_exec(organize));
//   auto staff = ctx.distributor("staff");
//   staff.tell_one("next, please");
//   auto when = co_await staff.request<std::string>("when?");
//
// Any thread. What is told to a distributor without members, to one or to everyone, is one dead letter: its members do
// work, and now nobody does it. (A topic's broadcast that nobody hears is none.) A question ends with errc::noproc.
// Cost: a short lock more than the same call on a child_ref; sending to all is O(members).
#ifndef BASTION_ROUTING_DISTRIBUTOR_HPP
#define BASTION_ROUTING_DISTRIBUTOR_HPP

#include <bastion/mailbox/answer.hpp>
#include <bastion/mailbox/send.hpp>
#include <bastion/routing/members.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace bastion {

class distributor : public detail::set_handle {
public:
    using set_handle::set_handle;

    // ---- to one, in turn
    template <class M>
    delivery tell_one(M&& m) const {
        const child_ref who = next();
        if (who == child_ref()) [[unlikely]]
            return tell_nobody(std::forward<M>(m));
        return who.tell(std::forward<M>(m));
    }
    template <class Q>
    [[nodiscard]] auto ask_one(Q&& q) const {
        return next().ask(std::forward<Q>(q));
    }
    template <class Q, class... Args>
    [[nodiscard]] auto ask_one(Args&&... args) const {
        return next().template ask<Q>(std::forward<Args>(args)...);
    }
    // Asks a question that does not say its answer's type.
    template <class R, class Q>
    [[nodiscard]] auto request(Q&& q) const {
        return next().template request<R>(std::forward<Q>(q));
    }

    // ---- to all
    // Each gets a copy; returns how many mailboxes took one. Nobody there: one dead letter, as for tell_one.
    template <class M>
    std::size_t tell_everyone(const M& m) const {
        static_assert(std::is_copy_constructible_v<detail::sent_as_t<const M&>>,
            "bastion: tell_everyone sends copies: the message must be copyable; or broadcast it on a topic");
        const std::vector<child_ref> whom = members();
        if (whom.empty()) (void)tell_nobody(m);
        std::size_t taken = 0;
        detail::for_each_ahead(whom, [&](const child_ref& who) {
            if (who.tell(m) == delivery::accepted) ++taken;
        });
        return taken;
    }
    // An answer to come from each member: a value, or an error that says why not. In the order of members().
    template <class Q>
    [[nodiscard]] auto ask_everyone(const Q& q) const {
        using R = typename detail::answer_type_of<detail::sent_as_t<const Q&>>::type;
        return ask_each<R>([&q](const child_ref& who) { return who.ask(q); });
    }
    template <class R, class Q>
    [[nodiscard]] std::vector<answer<R>> ask_everyone(const Q& q) const {
        return ask_each<R>([&q](const child_ref& who) { return who.template request<R>(q); });
    }

private:
    template <class M>
    delivery tell_nobody(M&& m) const {
        using T = detail::sent_as_t<M>;
        if constexpr (std::is_move_constructible_v<T> && alignof(T) <= 16) // else the tell beside it says why not
            detail::lose(home(), detail::make_envelope<T>(detail::envelope_kind::told, std::forward<M>(m)));
        return delivery::noproc;
    }
    template <class R, class Ask>
    [[nodiscard]] std::vector<answer<R>> ask_each(Ask ask) const {
        const std::vector<child_ref> whom = members();
        std::vector<answer<R>> answers;
        answers.reserve(whom.size());
        for (const child_ref& who : whom) answers.push_back(ask(who));
        return answers;
    }
};

} // namespace bastion

#endif
