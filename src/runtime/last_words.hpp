// What is said when the program ends inside a process: a throw out of a noexcept function, a destructor that throws
// while another exception is on its way, abort(). No library can contain that in one address space; this one says who it
// was.
#ifndef BASTION_SRC_RUNTIME_LAST_WORDS_HPP
#define BASTION_SRC_RUNTIME_LAST_WORDS_HPP

namespace bastion::detail {

// Puts itself before the program's terminate handler, once; that one is called afterwards.
void install_last_words() noexcept;
// The same for SIGABRT, once; whoever had the signal before gets it afterwards.
void install_last_words_of_abort() noexcept;

// The same for a signal, in its handler: "<what>: <why>". Allocates nothing and takes no lock.
void say_last_words_of_signal(const char* what, const char* why) noexcept;

} // namespace bastion::detail

#endif
