// What a process knows of how busy its machine is: threads that had to wait long for others had no processors.
//
// Where such waits take too much of the time, calls keep to one thread for a while, and then try again.
#pragma once

#include <chrono>

namespace gatewise::crowd {

using Clock = std::chrono::steady_clock;
using Duration = std::chrono::nanoseconds;

// Whether to keep to one thread now.
bool is_there();

// A member waited for another, beyond `patience`. Says whether to go on with one thread.
bool report(Clock::time_point now, Duration waited);

// How long a member that has worked for `own` waits for another before it says so.
Duration patience(Duration own);

// For tests: the least patience and the longest pause. With no patience a team shrinks wherever a member waits at all.
void set_limits(Duration patience, Duration longest_pause);

}  // namespace gatewise::crowd
