// The streams of a pool as bytes; docs/streams.md says what they are.
#pragma once

#include <memory>
#include <vector>

#include "stream/crc32.h"
#include "stream/ids.h"
#include "stream/records.h"
#include "stream/saving.h"

namespace gatewise::stream {

// An id as it stands in saved bytes, appended to some.
void put_id(std::vector<char>& bytes, const Id& id);

// Where saved bytes go to: a file, or memory.
class Writer {
 public:
  explicit Writer(int file) : file_(file) {}
  explicit Writer(std::vector<char>& memory) : memory_(&memory) {}

  // What comes before the streams: the caller's header, the ids of streams that ended, and how many streams follow.
  void begin(const std::vector<char>& header, const IdList& gone, Index streams);
  void add(const Block& block);
  void end();

 private:
  void put(const void* data, std::size_t bytes);
  void put_block(Index count, const std::vector<char>& ids);

  int file_ = -1;
  std::vector<char>* memory_ = nullptr;
  Crc32 crc_;
};

// What was saved.
struct Saved {
  std::unique_ptr<Records> streams;  // with stamps 1, 2 and so on, in the order of the bytes
  IdList gone;
};

// Where saved bytes come from: a file, or memory.
class Reader {
 public:
  explicit Reader(int file) : file_(file) {}
  Reader(const char* memory, std::size_t bytes) : memory_(memory), left_(bytes) {}

  // Reads what follows the header, which the caller has read and checked, of bytes of a version from 1 on. Throws
  // std::invalid_argument where it is something else, or more streams than `most`. `room` is that of the records.
  Saved read(const std::vector<char>& header, int version, Index record, Index room, Index most);

 private:
  void get(void* data, std::size_t bytes);
  std::size_t some(void* data, std::size_t bytes);
  template <class Number>
  Number get() {
    Number number = 0;
    get(&number, sizeof number);
    return number;
  }
  void read_first(Records& records, Index count);
  void read_blocks(Records& records, Index count);
  std::vector<Id> read_ids(Index left);
  void read_end();

  int file_ = -1;
  const char* memory_ = nullptr;
  std::size_t left_ = 0;
  std::vector<char> ids_;  // of a block
  Crc32 crc_;
};

}  // namespace gatewise::stream
