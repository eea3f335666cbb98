// Many streams, each advanced when its turn comes: what gatewise.StreamPool is.
#pragma once

#include <memory>
#include <vector>

#include "guard.h"
#include "program.h"
#include "records.h"

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

  // Writes `header`, the number of streams, their ids, their records, and the CRC-32 of it all.
  void dump(int file, const std::vector<char>& header) const;
  // Reads what dump wrote after `header`, which the caller has read and checked. The pool is as it was after an
  // exception.
  void load(int file, const std::vector<char>& header);

  // Whoever calls any of the above holds this lock.
  ForkLock& lock() const { return lock_; }

 private:
  struct Worker {
    Worker(const Program& program, Index rows);

    Workspace space;
    std::vector<float> old_states;
    std::vector<float> new_states;
    std::vector<Buffer> gathered;     // inputs and outputs of rows that do not lie together
    std::vector<const void*> inputs;  // of the block
    std::vector<float*> outputs;
  };

  struct Push;

  void find(const std::int64_t* ids, Index count, bool once);
  void run_rows(Push& push, const std::uint32_t* order, Index count);
  static void work(void* push, Index member);
  bool find_share(Push& push, Index member, Index begin, Index end);
  void compute(const Push& push, Worker& worker, Index first, Index count) const;
  void keep(const Push& push, const Worker& worker, Index first, Index count) const;
  void ask_for(const Push& push, Index first, Index count) const;
  void place_arrays(const Push& push, Worker& worker, Index first, Index count) const;
  void run_rounds(Push& push, Index count);
  std::vector<std::uint32_t> shared_rows(Index count);

  std::shared_ptr<const Program> program_;
  Index rows_;  // of a block at most
  Records records_;
  std::vector<std::uint32_t> slots_;
  std::vector<std::unique_ptr<Worker>> workers_;
  mutable ForkLock lock_;
};

}  // namespace gatewise::stream
