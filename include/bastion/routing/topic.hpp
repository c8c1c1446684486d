// Topics: publish to whoever has subscribed. One immutable value is shared by all receivers, however many.
//
//   auto news = ctx.topic("news");
//   news.subscribe(ctx.self());
//   news.broadcast(headline{"..."});          // each subscriber gets it as msg.broadcast<headline>()
//   news.broadcast_from(ctx.self(), "...");   // all but me
//
// Nobody has subscribed: the broadcast returns 0, and that is all. It is no dead letter: who publishes need not know
// whether anybody listens. (What is told to a distributor or a dispatcher without members is one: nobody does the work.)
// Any thread. A slow subscriber is bounded by its own mailbox and holds nobody up. Cost: O(subscribers).
#ifndef BASTION_ROUTING_TOPIC_HPP
#define BASTION_ROUTING_TOPIC_HPP

#include <bastion/mailbox/send.hpp>
#include <bastion/routing/members.hpp>

#include <cstddef>
#include <utility>

namespace bastion {

class topic : public detail::set_handle {
public:
    using set_handle::set_handle;

    // Returns how many mailboxes took it.
    template <class M>
    std::size_t broadcast(M&& m) const {
        return broadcast_from(child_ref(), std::forward<M>(m));
    }
    // To all but one, who mostly is the caller.
    template <class M>
    std::size_t broadcast_from(const child_ref& but, M&& m) const {
        detail::broadcaster<detail::sent_as_t<M>> all(std::forward<M>(m));
        std::size_t taken = 0;
        detail::for_each_ahead(members(), [&](const child_ref& who) {
            if (who != but && all.to(who) == delivery::accepted) ++taken;
        });
        return taken;
    }
};

} // namespace bastion

#endif
