// y = table[id]. The program has checked the ids before the first operation runs.
#pragma once

#include <cstring>
#include <vector>

#include "stream/op.h"

namespace gatewise::stream {

class Embedding final : public Op {
 public:
  Embedding(int ids, int y, Index width, const float* table, Index rows, Index columns)
      : ids_(ids), y_(y), width_(width), columns_(columns), table_(table, table + rows * columns) {}

  void run(const Frame& frame) const override {
    const std::int64_t* ids = frame.ids[ids_];
    float* y = frame.values[y_];
    const std::size_t bytes = static_cast<std::size_t>(columns_) * sizeof(float);
    for (Index i = 0; i < frame.rows() * width_; ++i) {
      std::memcpy(y + i * columns_, table_.data() + ids[i] * columns_, bytes);
    }
  }

 private:
  int ids_;
  int y_;
  Index width_;  // ids a step
  Index columns_;
  std::vector<float> table_;
};

}  // namespace gatewise::stream
