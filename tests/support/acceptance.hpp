// Which tests show which row of the acceptance table (tests/acceptance/rows.txt, docs/acceptance.md).
#ifndef BASTION_TESTS_SUPPORT_ACCEPTANCE_HPP
#define BASTION_TESTS_SUPPORT_ACCEPTANCE_HPP

#include <string_view>

namespace test {

// Says that the running test case shows the row `id`: "B4". To be called on the thread of the test case, outside a runtime.
// When the test case has ended, a line is written for it into the folder that TEST_ACCEPTANCE names, if it does.
void acceptance(std::string_view id);

} // namespace test

#endif
