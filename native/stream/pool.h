// Many streams, each advanced when its turn comes: what gatewise.StreamPool is.
#pragma once

#include <memory>
#include <vector>

#include "stream/guard.h"
#include "stream/program.h"
#include "stream/records.h"
#include "stream/rounds.h"

namespace gatewise::stream {

class Pool {
 public:
  Pool(std::shared_ptr<const Program> program, Index capacity);

  const Program& program() const { return *program_; }
  Records& records() { return records_; }
  const Records& records() const { return records_; }

  // From now on advances by another program, whose records are the same.
  void use(std::shared_ptr<const Program> program);

  // Advances the streams `ids` by one step each, and one that stands there more than once by as many, in that order.
  // inputs are (count, width), outputs (count, width). After an exception nothing has moved.
  void push(const std::int64_t* ids, Index count, const void* const* inputs, float* const* outputs);

  void reset(const std::int64_t* ids, Index count);
  void read(const std::int64_t* ids, Index count, float* states);
  void write(const std::int64_t* ids, Index count, const float* states);

  // See snapshot.h. The pool is as it was after an exception.
  void dump(int file, const std::vector<char>& header) const;
  void load(int file, const std::vector<char>& header);

  // Whoever calls any of the above holds this lock.
  ForkLock& lock() const { return lock_; }

 private:
  struct Worker {
    Worker(const Program& program, Index rows);

    CallMemory space;
    std::vector<float> aside;         // new records of its first block, until they are kept
    std::vector<Buffer> gathered;     // inputs and outputs of rows that do not lie together
    std::vector<const void*> inputs;  // of the block
    std::vector<float*> outputs;
    std::vector<Index> given_back;  // blocks for which it had no memory
  };

  struct Push;

  // Some rows of a push, one after the other in its order.
  struct Rows {
    Index first = 0;
    Index count = 0;
  };

  void find(const std::int64_t* ids, Index count, bool once);
  Index members_for(Index count) const;
  static void search_and_work(void* push, Index member);
  void look_up(Push& push) const;
  void begin(Push& push);
  void divide(Push& push, const std::uint32_t* order, const std::uint32_t* slots, Index count) const;
  static void work(void* push, Index member);
  void finish(Push& push);
  void compute(const Push& push, Worker& worker, Rows rows, Rows next, float* to) const;
  void keep(const Push& push, const Worker& worker, Rows rows) const;
  Soon<float> soon(const Push& push, Rows rows) const;
  void place_arrays(const Push& push, Worker& worker, Rows rows) const;
  void give_outputs(const Push& push, const Worker& worker, Rows rows) const;

  std::shared_ptr<const Program> program_;
  Index rows_;  // of a block at most
  Records records_;
  std::vector<std::uint32_t> slots_;  // of the rows of a push
  Rounds rounds_;                     // of a push in which a stream comes more than once
  std::vector<std::unique_ptr<Worker>> workers_;
  mutable ForkLock lock_;
};

}  // namespace gatewise::stream
