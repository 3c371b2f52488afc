"""Stretches of ImageNet's list of 1000 categories, whose order follows the families of animals and things.

The list is that of the challenge of 2012 (Russakovsky et al., 2015), as `Network.categories` holds it.
"""

from __future__ import annotations

DOGS = range(151, 269)  # Chihuahua to Mexican hairless: every breed, without wolves and wild dogs
HOUSE_CATS = range(281, 286)  # tabby to Egyptian cat
CATS = range(281, 294)  # tabby to cheetah: house cats, lynx, leopards, lion, tiger
# Dogs, wolves, foxes, cats, bears and mongooses; hares, rodents, hoofed animals, apes, elephants and pandas: the land
# mammals, without those at 101 to 106 (tusker, echidna, platypus, wallaby, koala, wombat), which the list keeps apart.
LAND_MAMMALS = (*range(151, 300), *range(330, 389))
