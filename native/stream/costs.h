// Every threshold of streams that is there for speed, with its unit and where it comes from; base/costs.h has those of
// the engine below. None of them changes a bit of any result.
//
// "Chosen" is what follows from a size of the machine or a wish, and was not varied in a measurement that was kept.
#pragma once

#include <cstddef>

#include "base/costs.h"

namespace gatewise::stream::costs {

// Floats of a cache line. (A fact.)
inline constexpr Index kLine = gatewise::costs::kLine / sizeof(float);

// Multiply-adds that a number takes which goes through an activation one by one, or a softmax: 10 to 20 ns. Chosen.
inline constexpr double kFunctionWork = 50;

// -- one stream, or a batch -------------------------------------------------------------------------------------------

// Multiply-adds of a push that are worth giving Python's lock away for: some 2 us, and that costs a tenth of it.
// Chosen.
inline constexpr double kLongWork = 1e5;

// Floats between the operations of a push of many steps: 1 MiB, so that they stay in the second-level cache. Chosen.
inline constexpr Index kFloatsBetween = 1 << 18;

// -- pools ------------------------------------------------------------------------------------------------------------

// Multiply-adds of a push from which on a second thread brings more than it costs. Chosen.
inline constexpr double kWorthThreads = 2e6;

// Ids that a thread looks up before it asks for more: enough that taking them costs nothing beside. Chosen.
inline constexpr Index kLookUps = 512;

// Ids that a look-up asks the memory for ahead of itself. Chosen: more than a core has requests under way.
inline constexpr Index kAhead = 32;

// Rows that the widest kernels multiply together; blocks have a multiple of it. (From the number of registers.)
inline constexpr Index kRowsTogether = 6;

// Rows of a block: what they need should stay in the second-level cache, some 64 KiB of it, and they should be enough
// to use each weight many times, within these bounds. Chosen.
inline constexpr Index kFloatsOfBlock = 1 << 14;
inline constexpr Index kLeastRows = 48;
inline constexpr Index kMostRows = 96;

// Turns of waiting for another thread before the processor is offered to whoever wants it. Chosen.
inline constexpr int kTurns = 256;

// Bytes of an area that is asked for in huge pages: records are visited at random, and a large page saves a miss of the
// address cache at each. Small areas stay small. Chosen.
inline constexpr std::size_t kHugeArea = std::size_t{1} << 24;

// Streams that a pool without a capacity makes room for at first; then it grows by a half. Chosen.
inline constexpr Index kFirstRoom = 1 << 10;

// Bytes of records that a snapshot copies, or a search for NaN reads, while pushes wait: some 10 us. And streams that
// it looks at meanwhile for those to copy. Chosen.
inline constexpr Index kBytesAtOnce = 1 << 17;
inline constexpr Index kLooksAtOnce = 1 << 15;

// Streams of a block in a saved pool, and bytes of ids from which on it has no more: what a reader keeps room for.
// Chosen.
inline constexpr Index kStreamsOfBlock = 1 << 14;
inline constexpr Index kIdBytesOfBlock = 1 << 20;

// Seconds between two moments at which a pool notes how far stamps are; the part of a moment's age by which it may lie
// from the next; and how many there are before those that lie closer are left out. Chosen: 128 * log(year / ms) < 8192.
inline constexpr double kMoment = 1e-3;
inline constexpr double kOfAge = 1.0 / 128;
inline constexpr std::size_t kMoments = 8192;

// Marks that a pool remembers, and streams that end before it forgets the marks rather than remember more. Chosen.
inline constexpr std::size_t kMarks = 64;
inline constexpr Index kGone = 1 << 22;

// Streams that were not used for long, which a full pool finds at once to drop them one after the other: this part of
// all, and at least so many. The search walks through the whole table. Chosen.
inline constexpr Index kOldestPart = 64;
inline constexpr Index kOldestLeast = 64;

}  // namespace gatewise::stream::costs
