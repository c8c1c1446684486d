// one_for_one: only the group that failed is started again.
#include "strategy_table.hpp"

BASTION_MAIN(bastion::context ctx) { co_await print_table(ctx, "one_for_one", bastion::strategy::one_for_one); }
