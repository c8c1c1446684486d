// rest_for_one: when a group fails, it and those started after it are started again.
#include "strategy_table.hpp"

BASTION_MAIN(bastion::context ctx) { co_await print_table(ctx, "rest_for_one", bastion::strategy::rest_for_one); }
