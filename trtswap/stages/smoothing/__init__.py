"""How faces are held steady: windows of samples per track, local fits, robust scales, the causal filters."""
