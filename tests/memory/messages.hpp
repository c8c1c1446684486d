#pragma once

#include <string>

// What the programs without memory say to one another.

namespace test {

struct query {
    using answer_type = int;
    int n;
};
struct note {
    std::string text;
};

inline const char* const long_text = "a text that is too long for the room that a string has in itself";

} // namespace test
