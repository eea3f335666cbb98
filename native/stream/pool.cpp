#include "stream/pool.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "stream/crc32.h"
#include "threads/team.h"

namespace gatewise::stream {
namespace {

// Below this many multiply-adds a second thread costs more than it brings.
constexpr double kWorthThreads = 2e6;

// Ids that a thread looks up at a time.
constexpr Index kLookUps = 512;

// Rows that the kernels take at a time.
constexpr Index kRowsTogether = 6;

constexpr Index kLine = 64 / sizeof(float);

// Rows of a block at most: what they need should stay in the second cache, and be enough to use each weight many times.
Index rows_of_block(const Program& program) {
  Index floats = 2 * program.record();
  for (const auto& input : program.inputs()) floats += input.width;
  for (const auto& output : program.outputs()) floats += output.width;
  constexpr Index kFloats = 1 << 14;
  return std::clamp<Index>(kFloats / std::max<Index>(floats, 1) / kRowsTogether * kRowsTogether, 48, 96);
}

Index divided(Index count, Index by) { return (count + by - 1) / by; }

std::size_t bytes_of(const Program::Input& input) {
  return static_cast<std::size_t>(input.width) * (input.ids ? sizeof(std::int64_t) : sizeof(float));
}

std::size_t bytes_of(const Program::Output& output) { return static_cast<std::size_t>(output.width) * sizeof(float); }

}  // namespace

// One call of push, as the workers see it. They take parts of it, ids to look up and later blocks of rows, as they are
// free: one whose processor has other work to do holds up the others for a part, not for its share.
struct Pool::Push {
  Pool* pool = nullptr;
  const void* const* inputs = nullptr;
  float* const* outputs = nullptr;

  Records::Search search;
  Index ids = 0;
  std::atomic<bool> unknown{false};
  std::atomic<bool> twice{false};
  std::atomic<Index> searches{0};   // parts of the search that are taken
  std::atomic<Index> looked_up{0};  // those that are done

  const std::uint32_t* order = nullptr;  // which rows; null is all, as they lie
  Index count = 0;                       // rows
  Index height = 0;                      // rows of a block; the last may have less
  Index members = 1;
  bool has_team = false;
  Index inner_threads = 1;

  std::atomic<Index> taken{0};  // blocks

  // How far the caller has brought the push; the other members wait for that.
  enum class Stage { searching, computing, keeping, over };
  std::atomic<Stage> stage{Stage::searching};

  Index row(Index i) const { return order == nullptr ? i : static_cast<Index>(order[i]); }
  Index take() { return taken.fetch_add(1, std::memory_order_relaxed); }

  Index blocks() const { return divided(count, height); }
  Rows block(Index which) const {
    const Index first = which * height;
    return which < blocks() ? Rows{first, std::min(height, count - first)} : Rows{};
  }

  // Whether the rows of a block lie side by side.
  bool together(Rows rows) const {
    return order == nullptr ||
           static_cast<Index>(order[rows.first + rows.count - 1] - order[rows.first]) == rows.count - 1;
  }

  bool reaches(Stage wanted) const {
    wait([&] { return stage.load(std::memory_order_acquire) >= wanted; });
    return stage != Stage::over;
  }

  // Others may want this processor, among them the one who is waited for.
  template <class Ready>
  static void wait(Ready ready) {
    for (int turn = 1; !ready(); ++turn) {
      if (turn % 256 == 0) std::this_thread::yield();
    }
  }
};

Pool::Worker::Worker(const Program& program, Index rows) : space(program, rows, 1) {
  const auto size = static_cast<std::size_t>(rows * program.record());
  old_states.resize(size);
  new_states.resize(size);
  const auto count = static_cast<std::size_t>(rows);
  for (const auto& input : program.inputs()) gathered.emplace_back(count * bytes_of(input));
  for (const auto& output : program.outputs()) gathered.emplace_back(count * bytes_of(output));
  inputs.resize(program.inputs().size());
  outputs.resize(program.outputs().size());
  given_back.reserve(2);
}

Pool::Pool(std::shared_ptr<const Program> program, Index capacity)
    : program_(std::move(program)), rows_(rows_of_block(*program_)), records_(capacity, program_->record()) {}

void Pool::use(std::shared_ptr<const Program> program) {
  program_ = std::move(program);
  rows_ = rows_of_block(*program_);
  workers_.clear();
}

void Pool::find(const std::int64_t* ids, Index count, bool once) {
  if (static_cast<Index>(slots_.size()) < count) slots_.resize(static_cast<std::size_t>(count));
  bool twice = false;
  records_.find(ids, count, slots_.data(), &twice);
  if (!twice) return;
  if (once) throw std::invalid_argument("an id stands twice among those to set. Nothing was set.");
  for (Index i = 0; i < count; ++i) slots_[static_cast<std::size_t>(i)] &= ~Records::kAgain;
}

void Pool::push(const std::int64_t* ids, Index count, const void* const* inputs, float* const* outputs) {
  Call call;
  call.batch = count;
  call.steps = 1;
  call.inputs = inputs;
  program_->check(call);
  if (count == 0) return;
  if (static_cast<Index>(slots_.size()) < count) slots_.resize(static_cast<std::size_t>(count));
  Push push;
  push.pool = this;
  push.inputs = inputs;
  push.outputs = outputs;
  push.search = records_.begin_search(ids, count, slots_.data());
  push.ids = count;
  const Index wanted = members_for(count);
  while (static_cast<Index>(workers_.size()) < wanted) workers_.push_back(std::make_unique<Worker>(*program_, rows_));
  Team team(wanted);
  push.members = std::min(team.size(), wanted);
  push.has_team = wanted > 1;
  push.search.alone = push.members == 1;
  team.run(push.members, &Pool::search_and_work, &push);
  if (push.unknown) records_.refuse(ids, count);
  if (push.stage == Push::Stage::over) throw std::bad_alloc();
  finish(push);
  if (!push.twice) return;
  for (std::size_t round = 1; round < rounds_.size(); ++round) {
    const Index begin = rounds_[round - 1];
    divide(push, order_.data() + begin, rounds_[round] - begin);
    team.run(push.members, &Pool::work, &push);
    finish(push);
  }
}

// Threads that `count` rows are worth.
Index Pool::members_for(Index count) const {
  const bool worth = program_->work() * static_cast<double>(count) > kWorthThreads;
  return worth ? std::min(threads(), divided(count, rows_)) : 1;
}

// One member's part of a push's search and of its first round.
void Pool::search_and_work(void* context, Index member) {
  auto& push = *static_cast<Push*>(context);
  push.pool->look_up(push);
  if (member == 0) {
    push.pool->begin(push);
    if (push.stage == Push::Stage::over) return;
  } else if (!push.reaches(Push::Stage::computing)) {
    return;
  }
  work(context, member);
}

void Pool::look_up(Push& push) const {
  for (;;) {
    const Index begin = push.searches.fetch_add(1, std::memory_order_relaxed) * kLookUps;
    if (begin >= push.ids) return;
    const auto found = records_.find_part(push.search, begin, std::min(begin + kLookUps, push.ids));
    if (!found.all) push.unknown = true;
    if (found.twice) push.twice = true;
    push.looked_up.fetch_add(1, std::memory_order_acq_rel);
  }
}

// What the caller does between the search and the first round. All memory that a push takes for itself is taken here.
void Pool::begin(Push& push) {
  const Index parts = divided(push.ids, kLookUps);
  Push::wait([&] { return push.looked_up.load(std::memory_order_acquire) == parts; });
  auto next = Push::Stage::over;
  if (!push.unknown) {
    try {
      if (push.twice) make_rounds(push.ids);
      divide(push, push.twice ? order_.data() : nullptr, push.twice ? rounds_[0] : push.ids);
      next = Push::Stage::computing;
    } catch (const std::bad_alloc&) {
      // Over, then.
    }
  }
  push.stage.store(next, std::memory_order_release);
}

// Puts into order_ the rows whose stream comes for the first time, then those for which it is the second, and so on;
// into rounds_ where each of these ends.
void Pool::make_rounds(Index count) {
  order_.resize(static_cast<std::size_t>(count));
  again_.clear();
  std::size_t first = 0;
  for (Index i = 0; i < count; ++i) {
    const auto row = static_cast<std::uint32_t>(i);
    order_[first] = row;
    const bool again = (slots_[row] & Records::kAgain) != 0;
    first += again ? 0 : 1;
    if (again) again_.push_back({row, 0});
  }
  // A small table of how often each stream has come again so far: open addressing, as in the pool's own.
  std::size_t size = 16;
  while (size < 2 * again_.size()) size *= 2;
  tallies_.assign(size, {0, 0});
  rounds_.assign(1, 0);
  for (Again& each : again_) {
    std::uint32_t& slot = slots_[each.row];
    slot &= ~Records::kAgain;
    std::size_t at = (slot * 0x9e3779b97f4a7c15U >> 32) & (size - 1);
    while (tallies_[at].count != 0 && tallies_[at].slot != slot) at = (at + 1) & (size - 1);
    tallies_[at].slot = slot;
    each.round = ++tallies_[at].count;
    if (each.round == rounds_.size()) rounds_.push_back(0);
    ++rounds_[each.round];
  }
  // Where each round begins; filling it moves that on to where it ends.
  Index begin = 0;
  rounds_[0] = static_cast<Index>(first);
  for (Index& round : rounds_) begin += std::exchange(round, begin);
  rounds_[0] = static_cast<Index>(first);
  for (const Again& each : again_) order_[static_cast<std::size_t>(rounds_[each.round]++)] = each.row;
}

// Divides a round into blocks: as many for each member, as high as one another, and never higher than in rounds before.
void Pool::divide(Push& push, const std::uint32_t* order, Index count) const {
  const bool first = push.count == 0;
  push.members = std::min(push.members, members_for(count));
  const Index even = divided(count, divided(divided(count, rows_), push.members) * push.members);
  push.height = std::min(divided(even, kRowsTogether) * kRowsTogether, first ? rows_ : push.height);
  push.order = order;
  push.count = count;
  const bool alone = first && !push.has_team && program_->work() * static_cast<double>(count) > kWorthThreads;
  push.inner_threads = alone ? threads() : 1;
  push.taken = 1;
}

// Does what was given back. The caller has had memory for a block as large.
void Pool::finish(Push& push) {
  for (auto& worker : workers_) {
    for (const Index block : worker->given_back) {
      compute(push, *workers_[0], push.block(block), {});
      keep(push, *workers_[0], push.block(block), {});
    }
    worker->given_back.clear();
  }
}

// The blocks of one member, of which the caller (member 0) has the first. That is as large as any later one of the
// push, so if there is memory for it there is for all, and nothing is kept before that is known. Another member without
// memory leaves its blocks to the caller.
void Pool::work(void* context, Index member) {
  auto& push = *static_cast<Push*>(context);
  Pool& pool = *push.pool;
  Worker& worker = *pool.workers_[static_cast<std::size_t>(member)];
  Index block = member == 0 ? 0 : push.take();
  Rows rows = push.block(block);
  for (Index i = 0; i < rows.count; ++i) {
    for (const int half : {0, 1}) pool.ask_for(push, rows, i, half);
  }
  while (rows.count != 0) {
    const Index next_block = push.take();
    const Rows next = push.block(next_block);
    try {
      pool.compute(push, worker, rows, next);
    } catch (const std::bad_alloc&) {
      if (member == 0) return push.stage.store(Push::Stage::over);
      worker.given_back.push_back(block);
      if (next.count != 0) worker.given_back.push_back(next_block);
      return;
    }
    if (member == 0) push.stage.store(Push::Stage::keeping, std::memory_order_release);
    if (!push.reaches(Push::Stage::keeping)) return;
    pool.keep(push, worker, rows, next);
    block = next_block;
    rows = next;
  }
}

// Asks for half of the record that the i-th row of the next block needs. The memory answers only so many questions at
// once, so they are put among other work.
void Pool::ask_for(const Push& push, Rows next, Index i, int half) const {
  if (i >= next.count) return;
  const float* record = records_.at(slots_[static_cast<std::size_t>(push.row(next.first + i))]);
  const Index middle = divided(records_.record(), 2 * kLine) * kLine;
  const Index end = half == 0 ? middle : records_.record();
  for (Index k = half == 0 ? 0 : middle; k < end; k += kLine) __builtin_prefetch(record + k, 1);
}

void Pool::compute(const Push& push, Worker& worker, Rows rows, Rows next) const {
  const Index record = records_.record();
  const std::size_t bytes = static_cast<std::size_t>(record) * sizeof(float);
  for (Index i = 0; i < rows.count; ++i) {
    ask_for(push, next, i, 0);
    const std::uint32_t slot = slots_[static_cast<std::size_t>(push.row(rows.first + i))];
    std::memcpy(worker.old_states.data() + i * record, records_.at(slot), bytes);
  }
  place_arrays(push, worker, rows);
  Call call;
  call.batch = rows.count;
  call.steps = 1;
  call.inputs = worker.inputs.data();
  call.outputs = worker.outputs.data();
  call.state = worker.old_states.data();
  call.next = worker.new_states.data();
  call.threads = push.inner_threads;
  call.independent = true;
  program_->run(call, worker.space);
}

// Points the block's inputs and outputs at the caller's arrays, or gathers them where the rows lie apart.
void Pool::place_arrays(const Push& push, Worker& worker, Rows rows) const {
  const auto& inputs = program_->inputs();
  const auto& outputs = program_->outputs();
  const bool together = push.together(rows);
  const Index first = push.row(rows.first);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto* whole = static_cast<const char*>(push.inputs[k]);
    const std::size_t bytes = bytes_of(inputs[k]);
    worker.inputs[k] = whole + static_cast<std::size_t>(first) * bytes;
    if (together) continue;
    auto* to = static_cast<char*>(worker.gathered[k].reserve(0));
    for (Index i = 0; i < rows.count; ++i) {
      std::memcpy(to + static_cast<std::size_t>(i) * bytes,
                  whole + static_cast<std::size_t>(push.row(rows.first + i)) * bytes, bytes);
    }
    worker.inputs[k] = to;
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    worker.outputs[k] = together ? push.outputs[k] + first * outputs[k].width
                                 : static_cast<float*>(worker.gathered[inputs.size() + k].reserve(0));
  }
}

void Pool::keep(const Push& push, const Worker& worker, Rows rows, Rows next) const {
  const Index record = records_.record();
  const std::size_t bytes = static_cast<std::size_t>(record) * sizeof(float);
  for (Index i = 0; i < rows.count; ++i) {
    ask_for(push, next, i, 1);
    const std::uint32_t slot = slots_[static_cast<std::size_t>(push.row(rows.first + i))];
    std::memcpy(records_.at(slot), worker.new_states.data() + i * record, bytes);
  }
  if (push.together(rows)) return;
  const auto& outputs = program_->outputs();
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    for (Index i = 0; i < rows.count; ++i) {
      std::memcpy(push.outputs[k] + push.row(rows.first + i) * outputs[k].width,
                  worker.outputs[k] + i * outputs[k].width, bytes_of(outputs[k]));
    }
  }
}

void Pool::reset(const std::int64_t* ids, Index count) {
  find(ids, count, false);
  for (Index i = 0; i < count; ++i) {
    std::memset(records_.at(slots_[static_cast<std::size_t>(i)]), 0,
                static_cast<std::size_t>(records_.record()) * sizeof(float));
  }
}

void Pool::read(const std::int64_t* ids, Index count, float* states) {
  find(ids, count, false);
  const Index record = records_.record();
  for (Index i = 0; i < count; ++i) {
    std::memcpy(states + i * record, records_.at(slots_[static_cast<std::size_t>(i)]),
                static_cast<std::size_t>(record) * sizeof(float));
  }
}

void Pool::write(const std::int64_t* ids, Index count, const float* states) {
  find(ids, count, true);
  const Index record = records_.record();
  for (Index i = 0; i < count; ++i) {
    std::memcpy(records_.at(slots_[static_cast<std::size_t>(i)]), states + i * record,
                static_cast<std::size_t>(record) * sizeof(float));
  }
}

namespace {

// Numbers are written as they lie in memory, which is the order of the file on all machines that matter here.
void want_little_endian() {
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
  throw std::invalid_argument("snapshots need a little-endian machine");
#endif
}

// Streams that are written or read at once.
constexpr Index kBatch = 1 << 14;

class File {
 public:
  explicit File(int file) : file_(file) {}

  void put(const void* data, std::size_t bytes) {
    crc_.add(data, bytes);
    const auto* at = static_cast<const char*>(data);
    while (bytes != 0) {
      const ssize_t done = ::write(file_, at, bytes);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw std::system_error(errno, std::generic_category(), "cannot write the snapshot");
      at += done;
      bytes -= static_cast<std::size_t>(done);
    }
  }

  void get(void* data, std::size_t bytes) {
    auto* at = static_cast<char*>(data);
    for (std::size_t left = bytes; left != 0;) {
      const ssize_t done = ::read(file_, at, left);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) throw std::system_error(errno, std::generic_category(), "cannot read the snapshot");
      if (done == 0) throw std::invalid_argument("the snapshot is cut short");
      at += done;
      left -= static_cast<std::size_t>(done);
    }
    crc_.add(data, bytes);
  }

  void add(const std::vector<char>& bytes) { crc_.add(bytes.data(), bytes.size()); }
  std::uint32_t crc() const { return crc_.value(); }

 private:
  int file_;
  Crc32 crc_;
};

}  // namespace

void Pool::dump(int file, const std::vector<char>& header) const {
  want_little_endian();
  File out(file);
  out.put(header.data(), header.size());
  const auto size = static_cast<std::uint64_t>(records_.size());
  out.put(&size, sizeof size);
  std::vector<std::int64_t> ids(kBatch);
  std::vector<float> states(static_cast<std::size_t>(kBatch * records_.record()));
  Index count = 0;
  for (Index at = 0, left = records_.size(); left > 0; left -= count) {
    at = records_.list(at, kBatch, ids.data(), nullptr, &count);
    out.put(ids.data(), static_cast<std::size_t>(count) * sizeof(std::int64_t));
  }
  for (Index at = 0, left = records_.size(); left > 0; left -= count) {
    at = records_.list(at, kBatch, nullptr, states.data(), &count);
    out.put(states.data(), static_cast<std::size_t>(count * records_.record()) * sizeof(float));
  }
  const std::uint32_t crc = out.crc();
  out.put(&crc, sizeof crc);
}

void Pool::load(int file, const std::vector<char>& header) {
  want_little_endian();
  File in(file);
  in.add(header);
  std::uint64_t size = 0;
  in.get(&size, sizeof size);
  if (size > static_cast<std::uint64_t>(records_.capacity())) {
    throw std::invalid_argument("the snapshot holds " + std::to_string(size) + " streams, and this pool at most " +
                                std::to_string(records_.capacity()) + ". Nothing was changed: make a larger pool.");
  }
  Records fresh(records_.capacity(), records_.record());
  const auto count = static_cast<Index>(size);
  std::vector<std::int64_t> ids(kBatch);
  for (Index done = 0; done < count; done += kBatch) {
    const Index some = std::min(kBatch, count - done);
    in.get(ids.data(), static_cast<std::size_t>(some) * sizeof(std::int64_t));
    try {
      fresh.add(ids.data(), some);
    } catch (const std::invalid_argument&) {
      throw std::invalid_argument("the snapshot is damaged: an id stands there twice");
    }
  }
  // New slots are given out in order, so the records lie as they do in the file.
  for (Index done = 0; done < count; done += kBatch) {
    const Index some = std::min(kBatch, count - done);
    in.get(fresh.at(static_cast<std::uint32_t>(done)),
           static_cast<std::size_t>(some * records_.record()) * sizeof(float));
  }
  const std::uint32_t crc = in.crc();
  std::uint32_t written = 0;
  in.get(&written, sizeof written);
  if (crc != written) throw std::invalid_argument("the snapshot is damaged: its checksum does not match");
  char more = 0;
  if (::read(file, &more, 1) != 0) throw std::invalid_argument("the snapshot is damaged: there is more after its end");
  records_ = std::move(fresh);
}

}  // namespace gatewise::stream
