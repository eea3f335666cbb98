#include "stream/saving.h"

#include <algorithm>
#include <new>

#include "stream/costs.h"
#include "stream/snapshot.h"

namespace gatewise::stream {

bool Block::full() const {
  return count >= costs::kStreamsOfBlock || static_cast<Index>(ids.size()) >= costs::kIdBytesOfBlock;
}

void Block::add(const Id& id, const float* record, Index size) {
  const std::size_t before = ids.size();
  put_id(ids, id);
  try {
    records.insert(records.end(), record, record + size);
  } catch (...) {
    ids.resize(before);
    throw;
  }
  ++count;
}

void Saving::begin(Index count) {
  under_way_ = true;
  failed_ = false;
  left_ = count;
  at_ = 0;
}

void Saving::copy(Records& records, std::uint32_t slot, Block& block) {
  block.add(records.id(slot), records.at(slot), records.record());
  records.mark(slot, false);
  --left_;
}

void Saving::put_aside(Records& records, std::uint32_t slot) {
  try {
    if (failed_) return;
    if (aside_.empty() || aside_.back().full()) aside_.emplace_back();
    copy(records, slot, aside_.back());
  } catch (const std::bad_alloc&) {
    failed_ = true;
  }
}

bool Saving::next(Records& records, Block& block) {
  if (failed_) throw std::bad_alloc();
  if (!aside_.empty()) {
    block = std::move(aside_.back());
    aside_.pop_back();
    return true;
  }
  block.clear();
  const Index most = std::max<Index>(costs::kBytesAtOnce / static_cast<Index>(records.bytes() + 1), 1);
  const Index end = std::min(at_ + costs::kLooksAtOnce, records.used());
  for (; at_ < end && left_ > 0 && block.count < most && !block.full(); ++at_) {
    const auto slot = static_cast<std::uint32_t>(at_);
    if (records.marked(slot)) copy(records, slot, block);
  }
  return block.count > 0 || left_ > 0;
}

void Saving::end(Records& records) {
  if (left_ > 0) records.mark_all(false);
  under_way_ = false;
  left_ = 0;
  aside_ = {};
}

}  // namespace gatewise::stream
