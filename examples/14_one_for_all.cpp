// one_for_all: when a group fails, all groups of its supervisor are started again.
#include "strategy_table.hpp"

BASTION_MAIN(bastion::context ctx) { co_await print_table(ctx, "one_for_all", bastion::strategy::one_for_all); }
