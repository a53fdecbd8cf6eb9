#include "nn/frozen/plan.h"

#include <algorithm>
#include <numeric>

#include "nn/frozen/convolution.h"
#include "nn/frozen/row_chain.h"

namespace reverie::frozen {
namespace {

constexpr std::int64_t kAlignment = 64;
constexpr std::int64_t kBitsInByte = 8;
// Bytes: a map that no near cache holds, and rows that the second one does.
constexpr std::int64_t kFarMap = 4 << 20;
constexpr std::int64_t kNearRows = 512 << 10;

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

class Planner {
  public:
    Planner(const Graph& graph, std::int64_t batch, Size image, const std::vector<int>& wanted, bool keep)
        : graph_(graph), needed_(needed_nodes(graph, wanted)), sizes_(sizes_of(graph, image)) {
        plan_.batch = batch;
        plan_.image = image;
        plan_.wanted = wanted;
        plan_.keep = keep;
        plan_.value_of.assign(graph.nodes.size(), -1);
        users_.assign(graph.nodes.size(), {});
        wanted_.assign(graph.nodes.size(), false);
        for (const int node : wanted) {
            wanted_[index(node)] = true;
        }
        for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
            for (const int input : graph.nodes[i].inputs) {
                if (needed_[i]) {
                    users_[index(input)].push_back(static_cast<int>(i));
                }
            }
        }
    }

    Plan make() {
        join_concatenations();
        for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
            if (needed_[i] && plan_.value_of[i] < 0) {
                add_step(static_cast<int>(i));
            }
        }
        mark_parts();
        place_all();
        return std::move(plan_);
    }

  private:
    static std::size_t index(int node) { return static_cast<std::size_t>(node); }
    const Node& node(int i) const { return graph_.nodes[index(i)]; }

    /// The only user of a node that nobody else wants to see; -1: there is none such.
    int only_user(int i) const { return users_[index(i)].size() == 1 && !wanted_[index(i)] ? users_[index(i)][0] : -1; }

    int new_storage(int of) {
        plan_.storages.push_back({.channels = static_cast<int>(node(of).channels),
                                  .size = sizes_[index(of)],
                                  .handed_out = wanted_[index(of)]});
        return static_cast<int>(plan_.storages.size()) - 1;
    }

    /// A place for the output of a node: in its concatenation where it is part of one.
    int new_value(int of) {
        Plan::Value value{.channels = static_cast<int>(node(of).channels)};
        if (const Part& part = parts_[index(of)]; part.storage >= 0) {
            value.storage = part.storage;
            value.channel = part.channel;
        } else {
            value.storage = new_storage(of);
        }
        plan_.values.push_back(value);
        plan_.value_of[index(of)] = static_cast<int>(plan_.values.size()) - 1;
        return plan_.value_of[index(of)];
    }

    /// Concatenations get their memory first, so that their inputs can be written where they belong.
    void join_concatenations() {
        parts_.assign(graph_.nodes.size(), {});
        for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
            if (!needed_[i] || graph_.nodes[i].op != Op::Concatenate) {
                continue;
            }
            const int storage = new_storage(static_cast<int>(i));
            int channel = 0;
            for (const int input : graph_.nodes[i].inputs) {
                Part& part = parts_[index(input)];
                const bool own = part.storage < 0 && !wanted_[index(input)] && node(input).op != Op::Input &&
                                 node(input).op != Op::Concatenate;
                if (own) {
                    part = {storage, channel};
                }
                copies_.push_back({static_cast<int>(i), input, channel, !own});
                channel += static_cast<int>(node(input).channels);
            }
            plan_.values.push_back({storage, 0, static_cast<int>(graph_.nodes[i].channels)});
            concatenated_.push_back({static_cast<int>(i), static_cast<int>(plan_.values.size()) - 1});
        }
    }

    /// The activated convolutions from `i` on that go by rows, with what comes after the last of them: a chain, where
    /// the maps in between are so large that it is worth computing again what its tiles share.
    std::vector<int> chain_from(int i) const {
        std::vector<int> convolutions;
        const auto goes_by_rows = [&](int at) {
            return node(at).op == Op::Convolution && by_rows(node(at), node(node(at).inputs[0]).channels);
        };
        for (int at = i; at >= 0 && goes_by_rows(at);) {
            convolutions.push_back(at);
            const int activation = only_user(at);
            const bool goes_on = activation >= 0 && node(activation).op == Op::Activation;
            at = goes_on ? only_user(activation) : -1;
        }
        while (!convolutions.empty() && !is_chain(convolutions)) {
            convolutions.pop_back();
        }
        return convolutions;
    }

    /// A depthwise convolution with the one behind it, and the one before it where there is one.
    bool is_chain(const std::vector<int>& convolutions) const {
        const std::size_t n = convolutions.size();
        if (n < 2 || n > 3 || !is_depthwise(node(convolutions[n - 2])) || is_depthwise(node(convolutions[n - 1])) ||
            (n == 3 && is_depthwise(node(convolutions[0])))) {
            return false;
        }
        const Node& depthwise = node(convolutions[n - 2]);
        const Size size = sizes_[index(depthwise.inputs[0])];
        const Window& w = depthwise.window;
        return 4 * size.height * size.width * depthwise.channels >= kFarMap &&
               chain_bytes(depthwise.channels, std::max(w.kernel_h, w.kernel_w), w.stride) <= kNearRows;
    }

    /// The convolutions of a chain but the last, each with its activation.
    std::vector<Plan::Link> add_links(const std::vector<int>& chain) {
        std::vector<Plan::Link> links;
        for (std::size_t k = 0; k + 1 < chain.size(); ++k) {
            const int activation = only_user(chain[k]);
            const int output = new_value(activation);
            plan_.value_of[index(chain[k])] = output;
            storage_of(output).passing = true;
            storage_of(output).has_bits = plan_.keep;
            links.push_back({chain[k], output, finishing(node(activation))});
        }
        return links;
    }

    void add_step(int i) {
        Plan::Step step{.node = i};
        if (!node(i).inputs.empty()) {
            step.input = plan_.value_of[index(node(i).inputs[0])];
        }
        if (const std::vector<int> chain = chain_from(i); !chain.empty()) {
            step.links = add_links(chain);
            i = step.node = chain.back();
        }
        const Node& first = node(i);
        std::vector<int> done = {i};  // nodes of this step, one the only user of the other
        switch (first.op) {
            case Op::Concatenate:
                add_concatenation(i);
                return;
            case Op::Convolution:
            case Op::Linear:
                if (const int sum = only_user(i); sum >= 0 && node(sum).op == Op::Add) {
                    const std::vector<int>& added = node(sum).inputs;
                    const int other = added[0] == i ? added[1] : added[0];
                    if (other != i && plan_.value_of[index(other)] >= 0) {
                        step.other = plan_.value_of[index(other)];
                        done.push_back(sum);
                    }
                }
                if (const int user = only_user(done.back()); user >= 0 && node(user).op == Op::Activation) {
                    step.activation = finishing(node(user));
                    done.push_back(user);
                }
                break;
            case Op::Activation:
                step.activation = finishing(first);
                break;
            case Op::Add:
                step.other = plan_.value_of[index(first.inputs[1])];
                break;
            case Op::Input:
            case Op::Pool:
            case Op::GlobalAverage:
            case Op::Upsample:
                break;
        }
        step.output = new_value(done.back());
        for (const int covered : done) {
            plan_.value_of[index(covered)] = step.output;  // nobody asks for any but the last
        }
        if (plan_.keep && step.activation != Finishing::None) {
            storage_of(step.output).has_bits = true;
        }
        plan_.steps.push_back(step);
    }

    void add_concatenation(int i) {
        const auto found = std::ranges::find(concatenated_, i, &Concatenated::node);
        plan_.value_of[index(i)] = found->value;
        for (const Copy& copy : copies_) {
            if (copy.node == i && copy.needed) {
                plan_.values.push_back({plan_.values[index(found->value)].storage, copy.channel,
                                        static_cast<int>(node(copy.input).channels)});
                // A copy is an Add of one.
                plan_.steps.push_back({.node = i,
                                       .input = plan_.value_of[index(copy.input)],
                                       .output = static_cast<int>(plan_.values.size()) - 1});
                storage_of(plan_.steps.back().output).in_parts = true;
            }
        }
    }

    static Finishing finishing(const Node& node) {
        return node.activation == Activation::Relu ? Finishing::Relu : Finishing::Relu6;
    }
    Plan::Storage& storage_of(int value) { return plan_.storages[index(plan_.values[index(value)].storage)]; }
    bool is_whole(int value) { return plan_.values[index(value)].channels == storage_of(value).channels; }

    void mark_parts() {
        for (const Plan::Step& step : plan_.steps) {
            for (const int value : {step.input, step.other}) {
                if (value >= 0 && !is_whole(value)) {
                    storage_of(value).in_parts = true;
                }
            }
        }
        for (const int i : plan_.wanted) {
            if (const int value = plan_.value_of[index(i)]; !is_whole(value)) {
                storage_of(value).in_parts = true;
            }
        }
    }

    int new_span(std::int64_t bytes, int begin, int end) {
        plan_.spans.push_back({aligned(bytes), begin, end, 0});
        return static_cast<int>(plan_.spans.size()) - 1;
    }

    /// Moments: step k runs forward at k and backward at 2 n - 1 - k, for n steps.
    void place_all() {
        const int n = static_cast<int>(plan_.steps.size());
        const int end = 2 * n;
        std::vector<int> first(plan_.storages.size(), end);
        std::vector<int> last(plan_.storages.size(), -1);
        for (int k = 0; k < n; ++k) {
            const Plan::Step& step = plan_.steps[index(k)];
            const auto lives = [&](int value) {
                if (value >= 0) {
                    const std::size_t storage = index(plan_.values[index(value)].storage);
                    first[storage] = std::min(first[storage], k);
                    last[storage] = std::max(last[storage], k);
                }
            };
            lives(step.input);
            lives(step.output);
            lives(step.other);
            for (const Plan::Link& link : step.links) {
                lives(link.output);
            }
            if (const Node& of = node(step.node); of.op == Op::Pool && plan_.keep) {
                if (of.pooling == Pooling::L2) {
                    last[index(plan_.values[index(step.input)].storage)] = end;
                    last[index(plan_.values[index(step.output)].storage)] = end;
                } else if (of.pooling == Pooling::Max) {
                    const Size size = sizes_[index(step.node)];
                    plan_.steps[index(k)].chosen =
                        new_span(plan_.batch * of.channels * size.height * size.width, k, end);
                }
            }
        }
        // What a step adds keeps its gradient until the other summand's is done, by its own step at the latest.
        std::vector<int> gradient_begin(plan_.storages.size(), end);
        std::vector<int> gradient_end(plan_.storages.size(), 0);
        for (int k = 0; k < n; ++k) {
            const Plan::Step& step = plan_.steps[index(k)];
            const int back = end - 1 - k;
            for (const int value : {step.input, step.other}) {
                if (value >= 0) {
                    int& begin = gradient_begin[index(plan_.values[index(value)].storage)];
                    begin = std::min(begin, back);
                }
            }
            const std::size_t output = index(plan_.values[index(step.output)].storage);
            gradient_begin[output] = std::min(gradient_begin[output], back);  // one that is only seeded
            gradient_end[output] = std::max(gradient_end[output], back);
        }
        const std::vector<int> own_end = gradient_end;
        for (int k = 0; k < n; ++k) {
            if (const Plan::Step& step = plan_.steps[index(k)]; step.other >= 0) {
                const std::size_t output = index(plan_.values[index(step.output)].storage);
                const std::size_t other = index(plan_.values[index(step.other)].storage);
                gradient_end[output] = std::max(gradient_end[output], own_end[other]);
            }
        }
        for (std::size_t s = 0; s < plan_.storages.size(); ++s) {
            Plan::Storage& storage = plan_.storages[s];
            if (last[s] < 0) {
                continue;  // of a concatenation whose parts nobody wrote: cannot be
            }
            const std::int64_t cells = plan_.batch * storage.size.height * storage.size.width;
            if (!storage.handed_out && !storage.passing) {
                storage.map = new_span(cells * storage.channels * 4, first[s], last[s]);
            }
            if (storage.has_bits) {
                storage.bits = new_span(cells * storage.channels / kBitsInByte, first[s], end);
            }
            if (plan_.keep && !storage.passing) {
                storage.gradient =
                    new_span(cells * storage.channels * 4, storage.in_parts ? n : gradient_begin[s], gradient_end[s]);
            }
        }
        plan_.bytes = place(plan_.spans);
    }

    struct Part {
        int storage = -1;
        int channel = 0;
    };
    struct Copy {
        int node, input, channel;
        bool needed;
    };
    struct Concatenated {
        int node, value;
    };

    const Graph& graph_;
    Plan plan_;
    std::vector<bool> needed_, wanted_;
    std::vector<Size> sizes_;
    std::vector<std::vector<int>> users_;
    std::vector<Part> parts_;  // by node: where in a concatenation it lies
    std::vector<Copy> copies_;
    std::vector<Concatenated> concatenated_;
};

}  // namespace

std::int64_t place(std::vector<Span>& spans) {
    std::vector<std::size_t> order(spans.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return spans[a].bytes > spans[b].bytes; });
    std::vector<const Span*> placed;  // by offset
    std::int64_t whole = 0;
    for (const std::size_t i : order) {
        Span& span = spans[i];
        span.offset = 0;
        for (const Span* other : placed) {
            const bool together = other->begin <= span.end && span.begin <= other->end;
            if (together && other->offset < span.offset + span.bytes && span.offset < other->offset + other->bytes) {
                span.offset = other->offset + other->bytes;
            }
        }
        placed.insert(std::ranges::upper_bound(placed, span.offset, {}, &Span::offset), &span);
        whole = std::max(whole, span.offset + span.bytes);
    }
    return whole;
}

Plan make_plan(const Graph& graph, std::int64_t batch, Size image, const std::vector<int>& wanted, bool keep) {
    return Planner(graph, batch, image, wanted, keep).make();
}

bool can_run(const Graph& graph) {
    const auto whole_bytes = [&](int node) {
        return graph.nodes[static_cast<std::size_t>(node)].channels % kBitsInByte == 0;
    };
    return std::ranges::all_of(graph.nodes, [&](const Node& node) {
        switch (node.op) {
            case Op::Convolution:
                return can_convolve(node);
            case Op::Activation:
                return node.channels % kBitsInByte == 0;
            case Op::Concatenate:
                return std::ranges::all_of(node.inputs, whole_bytes);
            default:
                return true;
        }
    });
}

}  // namespace reverie::frozen
