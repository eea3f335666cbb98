// Many streams, each advanced when its turn comes: what gatewise.StreamPool is.
#pragma once

#include <memory>
#include <vector>

#include "stream/guard.h"
#include "stream/program.h"
#include "stream/rounds.h"
#include "stream/streams.h"

namespace gatewise::stream {

// What becomes of ids that have no stream.
enum class Unknown { refused, added };

class Pool {
 public:
  Pool(std::shared_ptr<const Program> program, Capacity capacity);
  Pool(std::shared_ptr<const Program> program, Streams streams);

  const Program& program() const { return *program_; }
  Streams& streams() { return streams_; }
  const Streams& streams() const { return streams_; }

  // From now on advances by another program, whose records are the same.
  void use(std::shared_ptr<const Program> program);

  // Advances the streams `ids` by one step each, and one that stands there more than once by as many, in that order.
  // inputs are (count, width), outputs (count, width). After an exception nothing has moved, and no stream has come or
  // gone; what outputs hold is not said then.
  void push(const Ids& ids, const void* const* inputs, float* const* outputs, Unknown unknown = Unknown::refused);

  // Each takes effect for all ids or, after an exception, for none.
  void drop(const Ids& ids);  // each once
  void reset(const Ids& ids);
  void read(const Ids& ids, float* states,
            Unknown unknown = Unknown::refused) const;  // of one that is not there, zeros
  void write(const Ids& ids, const float* states, Unknown unknown = Unknown::refused);

  // Whoever calls any of the above, or uses the streams, holds this lock.
  ForkLock& lock() const { return lock_; }

  Pool copy() const;  // takes the lock itself

  // These take the lock themselves, again and again for a moment, and those of them that come together wait for one
  // another. The pool is as it was after an exception.
  void save(Writer& writer, const std::vector<char>& header, const Streams::Choice& choice);
  // In place of the streams that are there.
  void restore(Reader& reader, const std::vector<char>& header, int version);
  // Beside those that are there; returns the ids that were read, without those that ended.
  IdList load(Reader& reader, const std::vector<char>& header, int version);
  // Ids of streams whose records hold infinity or NaN.
  IdList broken();

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

  Records::Search search(const Ids& ids, bool through = false);
  void find(const Ids& ids, bool once, const char* what);
  void merge(const Saved& saved, const std::vector<Id>& ids, std::uint32_t* slots, std::uint32_t* before);
  const Records& records() const { return streams_.records(); }
  Records& records() { return streams_.records(); }
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
  Streams streams_;
  std::vector<std::uint32_t> slots_;   // of the rows of a call
  std::vector<std::uint32_t> before_;  // stamps that they had
  Rounds rounds_;                      // of a push in which a stream comes more than once
  std::vector<std::unique_ptr<Worker>> workers_;
  mutable ForkLock lock_;
  // Of long calls that take lock_ now and then. It stands after lock_: a fork takes locks that were made later first,
  // as these calls do.
  ForkLock long_calls_;
};

}  // namespace gatewise::stream
