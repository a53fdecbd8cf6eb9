"""pytorch/examples' DCGAN in Python, as what gan is measured against."""
import torch
from torch import nn


class Transcription:
    """pytorch/examples, dcgan/main.py: nets, weights, losses and optimisers as published."""

    def __init__(self, size, channels, seed, layout=torch.contiguous_format):
        torch.manual_seed(seed)
        width, top = 64, 8 if size == 64 else 4
        up = [nn.ConvTranspose2d(100, width * top, 4, 1, 0, bias=False), nn.BatchNorm2d(width * top), nn.ReLU(True)]
        down = [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
        c = top
        while c > 1:
            up += [nn.ConvTranspose2d(width * c, width * c // 2, 4, 2, 1, bias=False),
                   nn.BatchNorm2d(width * c // 2), nn.ReLU(True)]
            c //= 2
        while c < top:
            down += [nn.Conv2d(width * c, width * c * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(width * c * 2),
                     nn.LeakyReLU(0.2, True)]
            c *= 2
        self.generator = nn.Sequential(*up, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh())
        self.discriminator = nn.Sequential(*down, nn.Conv2d(width * top, 1, 4, 1, 0, bias=False), nn.Sigmoid())
        for module in [*self.generator.modules(), *self.discriminator.modules()]:
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.normal_(module.weight, 0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1, 0.02)
                nn.init.zeros_(module.bias)
        self.layout = layout
        for net in (self.generator, self.discriminator):
            net.to(memory_format=layout)
        adam = dict(lr=2e-4, betas=(0.5, 0.999))
        self.optimizers = [torch.optim.Adam(net.parameters(), **adam) for net in (self.discriminator, self.generator)]
        self.loss = nn.BCELoss()

    def step(self, real):
        n = len(real)
        real = real.contiguous(memory_format=self.layout)
        ones, zeros = torch.ones(n), torch.zeros(n)
        self.discriminator.zero_grad()
        score = self.discriminator(real).view(-1)
        real_loss = self.loss(score, ones)
        real_loss.backward()
        shown = [score.mean().item()]
        fake = self.generator(torch.randn(n, 100, 1, 1))
        score = self.discriminator(fake.detach()).view(-1)
        fake_loss = self.loss(score, zeros)
        fake_loss.backward()
        shown.append(score.mean().item())
        self.optimizers[0].step()
        self.generator.zero_grad()
        score = self.discriminator(fake).view(-1)
        loss = self.loss(score, ones)
        loss.backward()
        shown.append(score.mean().item())
        self.optimizers[1].step()
        return (real_loss + fake_loss).item(), loss.item(), shown

    @torch.no_grad()
    def samples(self, count):
        torch.manual_seed(12345)
        parts = [self.generator(torch.randn(100, 100, 1, 1)) for _ in range(count // 100)]
        return ((torch.cat(parts) + 1) * 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
