#include "reverie/cli/vae_program.h"

#include "cli/runs/run_film.h"
#include "cli/vae/vae_commands.h"

namespace reverie {

CommandSet vae_program() {
    CommandSet set;
    set.name = "vae";
    set.description =
        "Learns a folder of images as a space of latent numbers: new samples, morphs, edits and face swaps come out "
        "of it.";
    set.examples =
        "examples:\n"
        "  vae train faces/ -o run/ --time 30m\n"
        "  vae sample run/ -o samples.png\n"
        "  vae interpolate run/ ann.jpg bob.jpg -o morph.mp4\n"
        "  vae edit run/ ann.jpg --attribute faces/smiling --without faces/neutral -o smile.gif --strengths 0,1.5,40\n";
    set.commands.push_back(vae_train_command());
    set.commands.push_back(vae_sample_command());
    set.commands.push_back(vae_reconstruct_command());
    set.commands.push_back(vae_encode_command());
    set.commands.push_back(vae_decode_command());
    set.commands.push_back(vae_interpolate_command());
    set.commands.push_back(vae_walk_command());
    set.commands.push_back(vae_manifold_command());
    set.commands.push_back(vae_edit_command());
    set.commands.push_back(vae_evaluate_command());
    set.commands.push_back(film_command("vae"));
    set.commands.push_back(vae_info_command());
    return set;
}

}  // namespace reverie
