// expect: text travels as std::string: use told<std::string>()
#include <bastion/bastion.hpp>

#include <string_view>

void wrong(bastion::message& m) { (void)m.told<std::string_view>(); }
