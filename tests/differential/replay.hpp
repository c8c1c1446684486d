// Replays a script on Bastion, on a clock that stands still but for deadlines, and tells what happened line by line:
//
//     start <worker> ok|ignore|error|crash|held      start <supervisor>
//     stop <worker> <reason>                    in the order in which their frames went
//     > <step>        = <result of a call>      tree <what which_children says all the way down>
//     ends <supervisor>: <reason>, ...          of each of its lives, at the end of the script
//
// Reasons are those that callbacks are told, in the words of OTP: a supervisor that gave up has shut down.
#ifndef BASTION_TESTS_DIFFERENTIAL_REPLAY_HPP
#define BASTION_TESTS_DIFFERENTIAL_REPLAY_HPP

#include "differential/script.hpp"

namespace differential {

[[nodiscard]] trace replay(const script& s);

} // namespace differential

#endif
