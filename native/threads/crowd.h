// What a process knows of how busy its machine is: a thread that had to wait long for another had no second processor.
//
// From then on calls keep to one thread for a while, and then try again. The pause doubles when that fails, and halves
// for every time as long as itself that passes without a failure.
#pragma once

#include <chrono>

namespace gatewise::crowd {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::nanoseconds;

// Whether to keep to one thread now.
bool is_there();

// A member waited for another, beyond `patience`.
void report(Clock::time_point now, Duration waited);

// How long a member that has worked for `own` waits for another before it says so.
Duration patience(Duration own);

// For tests: the least patience and the longest pause. With no patience a team shrinks wherever a member waits at all.
void set_limits(Duration patience, Duration longest_pause);

}  // namespace gatewise::crowd
