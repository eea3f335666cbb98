#include "pool.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "../team.h"
#include "crc32.h"

namespace gatewise::stream {
namespace {

// Below this many multiply-adds a second thread costs more than it brings.
constexpr double kWorthThreads = 2e6;

// Rows of a block: what they need should stay in the second cache, and be enough to use each weight many times.
Index rows_of_block(const Program& program) {
  Index floats = 2 * program.record();
  for (const auto& input : program.inputs()) floats += input.width;
  for (const auto& output : program.outputs()) floats += output.width;
  constexpr Index kFloats = 1 << 15;
  return std::clamp<Index>(kFloats / std::max<Index>(floats, 1) / 6 * 6, 48, 192);
}

std::size_t bytes_of(const Program::Input& input) {
  return static_cast<std::size_t>(input.width) * (input.ids ? sizeof(std::int64_t) : sizeof(float));
}

std::size_t bytes_of(const Program::Output& output) { return static_cast<std::size_t>(output.width) * sizeof(float); }

}  // namespace

// One call of push, as the workers see it.
struct Pool::Push {
  Pool* pool = nullptr;
  const void* const* inputs = nullptr;
  float* const* outputs = nullptr;
  const std::int64_t* ids = nullptr;  // still to be found; null where the slots are known
  std::uint32_t stamp = 0;
  std::atomic<bool> unknown{false};
  std::atomic<bool> twice{false};
  const std::uint32_t* order = nullptr;  // which rows; null is all, as they lie
  Index count = 0;                       // rows
  Index members = 1;
  Index inner_threads = 1;
  Team* team = nullptr;
  std::atomic<bool> failed{false};

  Index row(Index i) const { return order == nullptr ? i : static_cast<Index>(order[i]); }
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
  if (static_cast<Index>(slots_.size()) < count) slots_.resize(static_cast<std::size_t>(count));
  Push push;
  push.pool = this;
  push.inputs = inputs;
  push.outputs = outputs;
  push.ids = ids;
  push.stamp = records_.next_stamp();
  run_rows(push, nullptr, count);
  if (push.unknown) records_.refuse(ids, count);
  push.ids = nullptr;
  if (push.twice) run_rounds(push, count);
}

// The rows whose stream comes more than once, by slot and then in order.
std::vector<std::uint32_t> Pool::shared_rows(Index count) {
  constexpr std::uint32_t kBits = 1U << 16;
  std::vector<bool> maybe(kBits);
  std::vector<std::uint32_t> shared;
  for (Index i = 0; i < count; ++i) {
    std::uint32_t& slot = slots_[static_cast<std::size_t>(i)];
    if ((slot & Records::kAgain) == 0) continue;
    slot &= ~Records::kAgain;
    maybe[slot % kBits] = true;
    shared.push_back(slot);
  }
  std::sort(shared.begin(), shared.end());
  std::vector<std::uint32_t> rows;
  for (Index i = 0; i < count; ++i) {
    const std::uint32_t slot = slots_[static_cast<std::size_t>(i)];
    if (maybe[slot % kBits] && std::binary_search(shared.begin(), shared.end(), slot)) {
      rows.push_back(static_cast<std::uint32_t>(i));
    }
  }
  std::sort(rows.begin(), rows.end(), [this](std::uint32_t a, std::uint32_t b) {
    return slots_[a] != slots_[b] ? slots_[a] < slots_[b] : a < b;
  });
  return rows;
}

// Rows whose stream comes for the first time, then those for which it is the second, and so on.
void Pool::run_rounds(Push& push, Index count) {
  const std::vector<std::uint32_t> rows = shared_rows(count);
  std::vector<std::vector<std::uint32_t>> rounds(1);
  std::vector<bool> later(static_cast<std::size_t>(count));
  std::size_t round = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) {
    round = slots_[rows[i]] == slots_[rows[i - 1]] ? round + 1 : 0;
    if (round == 0) continue;
    if (round == rounds.size()) rounds.emplace_back();
    rounds[round].push_back(rows[i]);
    later[rows[i]] = true;
  }
  for (std::size_t i = 0; i < later.size(); ++i) {
    if (!later[i]) rounds[0].push_back(static_cast<std::uint32_t>(i));
  }
  for (const auto& order : rounds) run_rows(push, order.data(), static_cast<Index>(order.size()));
}

void Pool::run_rows(Push& push, const std::uint32_t* order, Index count) {
  if (count == 0) return;
  push.order = order;
  push.count = count;
  const Index blocks = (count + rows_ - 1) / rows_;
  const double work = program_->work() * static_cast<double>(count);
  const Index wanted = blocks > 1 && work > kWorthThreads ? std::min(threads(), blocks) : 1;
  while (static_cast<Index>(workers_.size()) < wanted) workers_.push_back(std::make_unique<Worker>(*program_, rows_));
  Team team(wanted);
  push.members = std::min(team.size(), wanted);
  push.inner_threads = blocks == 1 && work > kWorthThreads ? threads() : 1;
  push.team = &team;
  team.run(push.members, &Pool::work, &push);
  if (push.failed) throw std::bad_alloc();
}

// The blocks of one member. Only its first, which is as large as any later one, can find that there is no memory; so
// nothing is kept before every member has got through its first.
void Pool::work(void* context, Index member) {
  auto& push = *static_cast<Push*>(context);
  Pool& pool = *push.pool;
  Worker& worker = *pool.workers_[static_cast<std::size_t>(member)];
  const Index begin = push.count * member / push.members;
  const Index end = push.count * (member + 1) / push.members;
  if (push.ids != nullptr && !pool.find_share(push, member, begin, end)) return;
  bool first = true;
  for (Index at = begin; at < end; at += pool.rows_) {
    const Index count = std::min(pool.rows_, end - at);
    try {
      pool.compute(push, worker, at, count);
    } catch (const std::bad_alloc&) {
      push.failed = true;
    }
    pool.ask_for(push, at + count, std::min(pool.rows_, end - at - count));
    if (first && push.members > 1) push.team->barrier(member);
    if (push.failed) return;
    first = false;
    pool.keep(push, worker, at, count);
  }
}

// The slots of one member's rows. False, for all members, where an id is not known or stands twice: nothing moves then.
bool Pool::find_share(Push& push, Index member, Index begin, Index end) {
  bool twice = false;
  const bool known = records_.find_part(push.stamp, push.ids + begin, end - begin, slots_.data() + begin, &twice);
  if (!known) push.unknown = true;
  if (twice) push.twice = true;
  if (known && !twice) ask_for(push, begin, std::min(rows_, end - begin));
  if (push.members > 1) push.team->barrier(member);
  return !push.unknown && !push.twice;
}

void Pool::ask_for(const Push& push, Index first, Index count) const {
  constexpr Index kLine = 64 / sizeof(float);
  for (Index i = first; i < first + count; ++i) {
    const float* record = records_.at(slots_[static_cast<std::size_t>(push.row(i))]);
    for (Index k = 0; k < records_.record(); k += kLine) __builtin_prefetch(record + k, 1);
  }
}

void Pool::compute(const Push& push, Worker& worker, Index first, Index count) const {
  const Index record = records_.record();
  const std::size_t bytes = static_cast<std::size_t>(record) * sizeof(float);
  for (Index i = 0; i < count; ++i) {
    const std::uint32_t slot = slots_[static_cast<std::size_t>(push.row(first + i))];
    std::memcpy(worker.old_states.data() + i * record, records_.at(slot), bytes);
  }
  place_arrays(push, worker, first, count);
  Call call;
  call.batch = count;
  call.steps = 1;
  call.inputs = worker.inputs.data();
  call.outputs = worker.outputs.data();
  call.state = worker.old_states.data();
  call.next = worker.new_states.data();
  call.threads = push.inner_threads;
  program_->run(call, worker.space);
}

// Points the block's inputs and outputs at the caller's arrays, or gathers them where the rows lie apart.
void Pool::place_arrays(const Push& push, Worker& worker, Index first, Index count) const {
  const auto& inputs = program_->inputs();
  const auto& outputs = program_->outputs();
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    const auto* whole = static_cast<const char*>(push.inputs[k]);
    const std::size_t bytes = bytes_of(inputs[k]);
    worker.inputs[k] = whole + static_cast<std::size_t>(first) * bytes;
    if (push.order == nullptr) continue;
    auto* to = static_cast<char*>(worker.gathered[k].reserve(0));
    for (Index i = 0; i < count; ++i) {
      std::memcpy(to + static_cast<std::size_t>(i) * bytes,
                  whole + static_cast<std::size_t>(push.row(first + i)) * bytes, bytes);
    }
    worker.inputs[k] = to;
  }
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    worker.outputs[k] = push.order == nullptr ? push.outputs[k] + first * outputs[k].width
                                              : static_cast<float*>(worker.gathered[inputs.size() + k].reserve(0));
  }
}

void Pool::keep(const Push& push, const Worker& worker, Index first, Index count) const {
  const Index record = records_.record();
  const std::size_t bytes = static_cast<std::size_t>(record) * sizeof(float);
  for (Index i = 0; i < count; ++i) {
    const std::uint32_t slot = slots_[static_cast<std::size_t>(push.row(first + i))];
    std::memcpy(records_.at(slot), worker.new_states.data() + i * record, bytes);
  }
  if (push.order == nullptr) return;
  const auto& outputs = program_->outputs();
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    for (Index i = 0; i < count; ++i) {
      std::memcpy(push.outputs[k] + push.row(first + i) * outputs[k].width, worker.outputs[k] + i * outputs[k].width,
                  bytes_of(outputs[k]));
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
