// Every threshold of threads that wait for one another, with its unit and where it comes from; none changes a bit of
// any result. When threads are worth it stands in base/costs.h.
#pragma once

#include <chrono>

#include "base/index.h"

namespace gatewise::costs {

using Nanoseconds = std::chrono::nanoseconds;

// Looks at what another thread writes before the processor is told that this is waiting: a pause costs more than a
// cache line's journey. Chosen.
inline constexpr int kEagerLooks = 256;

// Pauses between two looks at the clock: one to three microseconds. Chosen.
inline constexpr int kPauses = 64;

// Waits for another member that are longer than this are held against the machine: longer than an interrupt takes,
// shorter than another program's turn, which is milliseconds. (Not those within the time that a member's own share of
// the work took, since shares are not even.) Chosen.
inline constexpr Nanoseconds kPatience = std::chrono::microseconds(100);

// The same for a worker that has to wake first: that was measured to take up to 100 us.
inline constexpr Nanoseconds kPatienceAsleep = std::chrono::microseconds(300);

// It spins no longer than this, even where its patience lasts: naps cost a wait of milliseconds little. Chosen.
inline constexpr Nanoseconds kLongestSpin = std::chrono::milliseconds(2);

// How long it then sleeps between two looks: its processor is free for the one it waits for. Chosen.
inline constexpr Nanoseconds kNap = std::chrono::microseconds(50);

// So much waiting in a tenth of the time is borne: on a machine that was free, virtual processors were taken away for
// 0.1 to 1 ms some ten times a second, and a busy one takes its milliseconds again and again. What goes beyond that is
// a reason to keep to one thread, for twenty times as long: a twentieth is lost on a busy machine. Chosen.
inline constexpr Nanoseconds kBorne = std::chrono::milliseconds(4);
inline constexpr int kForgottenShare = 10;
inline constexpr int kPauseOfWaits = 20;
inline constexpr Nanoseconds kLongestPause = std::chrono::milliseconds(200);

// Multiply-adds between two looks at whether to go on: some 100 us, beside which a look at the clock costs nothing.
// Chosen.
inline constexpr double kWorkOfLook = 4e6;

// Sequences of the pieces into which a large batch is cut: a thread that loses its processor holds up no more than one.
// Enough of them to use a weight often while it is near; a multiple of a tile's rows. Chosen.
inline constexpr Index kRowsOfPiece = 64;
inline constexpr Index kRowsOfTile = 16;

// How often a long call asks whether it is to stop: a tenth of a second is felt as at once. Chosen.
inline constexpr Nanoseconds kAskEvery = std::chrono::milliseconds(40);

}  // namespace gatewise::costs
