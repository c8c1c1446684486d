// Names of groups: any text is refused where it is spawned, or is part of the path that reports show.
#include <bastion/bastion.hpp>
#include <bastion/testing/simulation.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

// The path in the report of a fault of the only element, or "" when the group was refused.
std::string path_of(const std::string& name) {
    std::string path;
    bastion::testing::simulation sim(1);
    bastion::runtime& rt =
        sim.runtime(sim.runtime_config().with_log([&](const bastion::log_record& r) { path = std::string(r.path); }));
    try {
        rt.spawn(bastion::children()
                .with_name(name)
                .with_restart(bastion::temporary)
                .with_exec([](bastion::context) -> bastion::process {
                    bastion::panic("to be reported");
                    co_return;
                }));
    } catch (const bastion::bad_spec&) { return ""; }
    sim.settle();
    return path;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string name(reinterpret_cast<const char*>(data), size);
    const std::string path = path_of(name);
    // The last is that of the group which has what is spawned as a function.
    if (name.find('/') != std::string::npos || name == "temporary") {
        if (!path.empty()) std::abort();
    } else if (!name.empty() && path != "/" + name + "/0") {
        std::abort();
    }
    return 0;
}
