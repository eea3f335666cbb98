// The streams of a pool in a file.
#pragma once

#include <vector>

#include "stream/records.h"

namespace gatewise::stream {

// Writes `header`, the number of streams, their ids, their records, and the CRC-32 of it all.
void write_snapshot(int file, const std::vector<char>& header, const Records& records);

// Reads what write_snapshot wrote after `header`, which the caller has read and checked. Throws std::invalid_argument
// where it is something else, or more streams than `capacity`.
Records read_snapshot(int file, const std::vector<char>& header, Index capacity, Index record);

}  // namespace gatewise::stream
