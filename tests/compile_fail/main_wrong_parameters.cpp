// expect: BASTION_MAIN takes (bastion::context ctx), (bastion::runtime& rt) or ()
#include <bastion/bastion.hpp>

BASTION_MAIN(int argc, char** argv) {
    (void)argc;
    (void)argv;
}
