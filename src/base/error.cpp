#include <bastion/base/error.hpp>

namespace bastion {

std::string_view to_string(errc code) noexcept {
    switch (code) {
    case errc::failed: return "failed";
    case errc::timeout: return "timeout";
    case errc::noproc: return "no such process";
    case errc::target_died: return "the process that was asked ended";
    case errc::dropped: return "the question was dropped unanswered";
    case errc::unhandled: return "the receiver does not handle this message";
    case errc::mailbox_full: return "mailbox full";
    case errc::deadlock: return "deadlock: the answer can only come from the waiting process itself";
    case errc::wrong_type: return "the answer has another type than expected";
    case errc::cancelled: return "cancelled";
    case errc::stopped: return "the runtime has stopped";
    case errc::start_failed: return "the child did not start";
    case errc::limit: return "a limit was reached";
    case errc::wrong_thread: return "not allowed from this thread";
    case errc::noconnection: return "no connection to the node";
    case errc::invalid: return "invalid call";
    case errc::name_taken: return "the name is taken";
    case errc::not_found: return "the supervisor has no child of that name";
    case errc::running: return "the child runs";
    case errc::restarting: return "the child is being started again";
    case errc::already_present: return "the supervisor has a child of that name, which does not run";
    case errc::simple_one_for_one: return "the supervisor's children are made from a template: they have no names";
    case errc::already_started: return "the supervisor has a child of that name, which runs";
    }
    return "unknown error";
}

} // namespace bastion
