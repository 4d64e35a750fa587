"""A bleak backend over the HCI byte stream: the virtual air, or a dongle."""
