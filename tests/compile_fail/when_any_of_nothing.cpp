// expect: when_any needs at least one argument
#include <bastion/bastion.hpp>

void wrong() { (void)bastion::when_any(); }
