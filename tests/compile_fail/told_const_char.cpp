// expect: text travels as std::string: use told<std::string>()
#include <bastion/bastion.hpp>

void wrong(bastion::message& m) { (void)m.told<const char*>(); }
