#include "testing/random_letters.hpp"

#include "testing/random_tree.hpp"

#include <new>
#include <utility>

namespace trees {

using namespace bastion;
using namespace std::chrono_literals;

letter::letter(ledger& l, letter_fate& f) : ledger_(&l), fate_(&f), ticket_(l.sent) {}

letter::letter(letter&& other) noexcept
    : ledger_(std::exchange(other.ledger_, nullptr)), fate_(other.fate_), ticket_(std::move(other.ticket_)) {}

letter::~letter() {
    if (ledger_ != nullptr) fate_->gone = ledger_->now();
}

void letter::handle() {
    ticket_.handle();
    if (++fate_->handled != 1) ledger_->wrong("a letter is handled twice");
    if (fate_->refused) ledger_->wrong("a letter is handled of which its sender was told that nobody has it");
}

bool take_letter(ledger& l, message& m) {
    auto* t = m.told<letter>();
    if (t == nullptr) return false;
    if (l.below(10) == 0) {
        m.unhandled();
        return true;
    }
    t->handle();
    if (l.below(20) == 0) panic("a letter too many");
    return true;
}

namespace {

void check_failed(ledger& l, letter_fate& f, errc why) {
    if (why == errc::target_died) {
        ++l.letters.died;
        if (!f.gone) l.wrong("a letter is said to have died with its receiver, and is there");
        return;
    }
    if (why == errc::unhandled) ++l.letters.unhandled;
    else ++l.letters.refused;
    if (f.handled != 0) l.wrong("a letter was handled, and its sender is told that nobody has it");
    f.refused = why != errc::deadlock;
}

} // namespace

task<void> send_letter(context, ledger& l) {
    letter_fate& f = l.letters.fates.emplace_back();
    const child_ref to = l.anybody();
    waiting mark(l.letters.sends);
    const auto lost = l.sent.lost - l.dead;
    std::optional<answer<void>> coming;
    try {
        coming.emplace(to.tell_acknowledged<letter>(l, f));
    } catch (const std::bad_alloc&) { // then the letter was made, perhaps, and not sent
        l.not_sent += l.sent.lost - l.dead - lost;
        throw;
    }
    auto r = co_await std::move(*coming).within(1ms + l.time_below(50ms));
    if (!r && r.error() == errc::timeout) {
        mark.given_up();
        if (l.is_punctual && f.gone && *f.gone < l.now()) l.wrong("a letter has gone, and its sender was not told");
        co_return;
    }
    mark.result();
    if (!r) {
        check_failed(l, f, r.error().code());
        co_return;
    }
    ++l.letters.acknowledged;
    if (f.given) ++l.letters.given;
    if (f.handled != 1) l.wrong("a letter is acknowledged, and was not handled");
    if (!f.gone && !f.given) l.wrong("a letter is acknowledged before its receiver is done with it");
}

std::string letter_book::faults() const { return sends.faults("letters"); }

} // namespace trees
