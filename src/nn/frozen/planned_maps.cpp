#include "nn/frozen/planned_maps.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace reverie::frozen {
namespace {

constexpr std::size_t kKeptPlans = 32;  // tiles of nine sizes, in passes with and without a backward pass

std::size_t index(int i) { return static_cast<std::size_t>(i); }

}  // namespace

void PlannedMaps::prepare(std::int64_t batch, Size image, const std::vector<int>& wanted, bool keep) {
    const auto found = std::ranges::find_if(kept_, [&](const Prepared& one) {
        return one.plan.batch == batch && one.plan.image == image && one.plan.keep == keep && one.plan.wanted == wanted;
    });
    if (found != kept_.end()) {
        kept_.splice(kept_.begin(), kept_, found);
    } else {
        Prepared made{.plan = make_plan(graph_, batch, image, wanted, keep), .pools = {}};
        for (const Plan::Step& step : made.plan.steps) {
            if (const Node& node = graph_.nodes[index(step.node)]; node.op == Op::Pool) {
                const auto size_of = [&](int value) {
                    return made.plan.storages[index(made.plan.values[index(value)].storage)].size;
                };
                made.pools.emplace(step.node, PoolWindows(node, size_of(step.input), size_of(step.output)));
            }
        }
        kept_.push_front(std::move(made));
        if (kept_.size() > kKeptPlans) {
            kept_.pop_back();
        }
    }
    if (!arena_.defined() || arena_.numel() < plan().bytes) {
        arena_.reset();  // first, so that both need not be there at once
        arena_ = at::empty({plan().bytes}, at::kByte);
    }
    outputs_.assign(plan().storages.size(), {});
    for (std::size_t s = 0; s < plan().storages.size(); ++s) {
        if (const Plan::Storage& storage = plan().storages[s]; storage.handed_out) {
            outputs_[s] = at::empty({batch, storage.channels, storage.size.height, storage.size.width},
                                    at::TensorOptions(at::kFloat), at::MemoryFormat::ChannelsLast);
        }
    }
}

Map PlannedMaps::whole(const Plan::Storage& storage, float* data) const {
    return {.data = data,
            .stride = storage.channels,
            .batch = plan().batch,
            .height = storage.size.height,
            .width = storage.size.width,
            .channels = storage.channels};
}

Map PlannedMaps::view(int value, float* data) const {
    const Plan::Value& of = plan().values[index(value)];
    Map map = whole(storage_of(value), data + of.channel);
    map.channels = of.channels;
    return map;
}

Map PlannedMaps::map_of(int value) const {
    const Plan::Storage& storage = storage_of(value);
    return view(value, storage.handed_out ? outputs_[storage_index(value)].data_ptr<float>()
                                          : reinterpret_cast<float*>(memory(storage.map)));
}

std::uint8_t* PlannedMaps::bits_of(int value) const {
    const Plan::Storage& storage = storage_of(value);
    return storage.has_bits ? memory(storage.bits) + plan().values[index(value)].channel / 8 : nullptr;
}

const at::Tensor& PlannedMaps::output_of(int node) const {
    return outputs_[storage_index(plan().value_of[index(node)])];
}

}  // namespace reverie::frozen
