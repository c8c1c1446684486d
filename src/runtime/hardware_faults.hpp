// The second half of opting in to hardware faults: the signal handlers while a runtime that asked for them lives.
#ifndef BASTION_SRC_RUNTIME_HARDWARE_FAULTS_HPP
#define BASTION_SRC_RUNTIME_HARDWARE_FAULTS_HPP

namespace bastion::detail {

class worker;

// Why this program cannot have them, one sentence; null: it can.
[[nodiscard]] const char* why_no_hardware_faults() noexcept;

// While one lives, SIGSEGV, SIGBUS and SIGFPE come here first; the last one puts back what was there before.
class hardware_fault_guard {
public:
    hardware_fault_guard();
    hardware_fault_guard(const hardware_fault_guard&) = delete;
    hardware_fault_guard& operator=(const hardware_fault_guard&) = delete;
    ~hardware_fault_guard();
};

// A worker's life in a runtime that asked: with a signal stack of its own, so that a stack overflow can be reported.
void work_with_hardware_faults(worker& w);

// The same for a thread that drives the workers of a simulation, while it lives; the stack stays the thread's.
class hardware_faults_here {
public:
    hardware_faults_here() noexcept;
    hardware_faults_here(const hardware_faults_here&) = delete;
    hardware_faults_here& operator=(const hardware_faults_here&) = delete;
    ~hardware_faults_here();

private:
    bool before_;
};

} // namespace bastion::detail

#endif
