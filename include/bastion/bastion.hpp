// Bastion for C++: supervised lightweight processes over a work-stealing executor. This header is the whole library.
#ifndef BASTION_BASTION_HPP
#define BASTION_BASTION_HPP

// From the bottom layer up, and first in each layer the headers that assert about users' code: a compiler's message
// then begins with the assertion, not with a chain of inclusions. tests/compile_fail looks at the first ten lines.
#include <bastion/base/clock.hpp>
#include <bastion/base/result.hpp>
#include <bastion/base/version.hpp>

#include <bastion/executor/blocking.hpp>
#include <bastion/executor/fiber.hpp>
#include <bastion/executor/scope.hpp>
#include <bastion/executor/task.hpp>
#include <bastion/executor/when.hpp>

#include <bastion/process/process.hpp>

#include <bastion/process/context.hpp>
#include <bastion/process/exit_reason.hpp>
#include <bastion/process/panic.hpp>
#include <bastion/process/placement.hpp>

#include <bastion/mailbox/meta.hpp>

#include <bastion/mailbox/send.hpp>

#include <bastion/mailbox/message.hpp>

#include <bastion/mailbox/answer.hpp>
#include <bastion/mailbox/arms.hpp>
#include <bastion/mailbox/bounded.hpp>
#include <bastion/mailbox/fiber.hpp>
#include <bastion/mailbox/handlers.hpp>
#include <bastion/mailbox/later.hpp>
#include <bastion/mailbox/receive.hpp>

#include <bastion/supervision/callbacks.hpp>
#include <bastion/supervision/spec.hpp>

#include <bastion/supervision/bond.hpp>
#include <bastion/supervision/crash_report.hpp>
#include <bastion/supervision/dynamic.hpp>
#include <bastion/supervision/join.hpp>
#include <bastion/supervision/look.hpp>
#include <bastion/supervision/manage.hpp>
#include <bastion/supervision/monitor.hpp>
#include <bastion/supervision/partitions.hpp>
#include <bastion/supervision/refs.hpp>
#include <bastion/supervision/snapshot.hpp>
#include <bastion/supervision/spawn.hpp>
#include <bastion/supervision/sys.hpp>

#include <bastion/routing/dispatcher.hpp>
#include <bastion/routing/distributor.hpp>
#include <bastion/routing/members.hpp>
#include <bastion/routing/names.hpp>
#include <bastion/routing/topic.hpp>

#include <bastion/runtime/config.hpp>
#include <bastion/runtime/main.hpp>
#include <bastion/runtime/runtime.hpp>

#endif
