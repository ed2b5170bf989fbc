// RecordHash: 128 bits of what an example says, whatever the order of its members and the way its JSON is written.
#pragma once

#include "pipelines/data/check/record_context.h"
#include "pipelines/data/scratch/hash128.h"

namespace luthier::data::check {

using scratch::Hash128;
using scratch::hash_of;  // of a text

// Texts, numbers, lists in order, objects in any order of members.
[[nodiscard]] Hash128 hash_of(Element element);

}  // namespace luthier::data::check
