"""A virtual air: it carries packets between all HCI streams that connect to it.

Each connection (H4 over a Unix or TCP socket) gets a controller of its own on one link. The controllers are bumble's
virtual ones, with the defects of bumble 0.0.236 that matter here corrected; each override says which one, and
``tests/firmware_sim/test_simulated_air.py`` shows when a new bumble no longer needs it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

from bumble import hci, ll
from bumble.controller import Connection, Controller
from bumble.core import InvalidPacketError, PhysicalTransport
from bumble.link import LocalLink
from bumble.transport.common import PacketParser

_log = logging.getLogger(__name__)

SUPERVISION_TIMEOUT_S = 0.72
"""How long after a radio vanishes its peers notice. Short, so that tests do not wait."""

_RSSI_DBM = -58


class AirError(Exception):
    """The air cannot be opened at this place. `bad_spec` is true if the place is not valid."""

    def __init__(self, message: str, *, bad_spec: bool = False) -> None:
        super().__init__(message)
        self.bad_spec = bad_spec


class AirLink(LocalLink):
    """All radios, each in reach of the others, until one vanishes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._shadowed: set[Controller] = set()
        self.strengths: dict[str, int] = {}
        """Signal strength of a radio, dBm, by its address. All others are as strong as a radio in the same room."""

    def shadow(self, address: str, seconds: float) -> bool:
        """Put a radio out of reach of all others for a time. Return False if there is no such radio."""
        far = next((c for c in self.controllers if str(c.random_address).startswith(address)), None)
        if far is None:
            return False
        self._shadowed.add(far)
        loop = asyncio.get_running_loop()
        loop.call_later(seconds, self._shadowed.discard, far)
        both = [(far, c) for c in far.le_connections.values()] + self._peers(far)
        loop.call_later(SUPERVISION_TIMEOUT_S, self._time_out, both)
        return True

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Carry an advertisement to all in reach."""
        for c in self.controllers - self._shadowed:
            if c is not sender_controller and sender_controller not in self._shadowed:
                asyncio.get_running_loop().call_soon(c.on_ll_advertising_pdu, packet)

    # Defect: bumble looks a receiver up by its address alone and takes the sender's random address for the
    # connection's, so that a radio with a public address receives nothing, and a radio that comes back under the
    # address of a vanished one receives the packets of that one.
    def _other_end(self, own: hci.Address, peer: hci.Address) -> Controller | None:
        for controller in self.controllers:
            connection = controller.le_connections.get(own)
            if connection is not None and connection.self_address == peer:
                return controller
        return None

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry data to the other end of the connection. Drop the data if that end has vanished."""
        connection = sender_controller.le_connections.get(destination_address)
        if connection is None:
            return
        own = connection.self_address
        receiver = self._other_end(own, destination_address)
        if receiver is not None and self._shadowed.isdisjoint((receiver, sender_controller)):
            asyncio.get_running_loop().call_soon(receiver.on_link_acl_data, own, transport, data)

    def send_ll_control_pdu(
        self, sender_address: hci.Address, receiver_address: hci.Address, packet: ll.ControlPdu
    ) -> None:
        """Carry a control packet.

        Defect: if no device has the address, bumble raises in the middle of a disconnect, which then never completes.
        """
        receiver = self._other_end(sender_address, receiver_address)
        if receiver is not None and receiver not in self._shadowed:
            asyncio.get_running_loop().call_soon(receiver.on_ll_control_pdu, sender_address, packet)

    def lose(self, lost: Controller) -> None:
        """Remove a radio from the air. Its peers see a supervision timeout.

        Defect: bumble has no link loss, only a disconnect. A killed process would stay connected.
        """
        lost.le_legacy_advertiser.stop()
        self.controllers.discard(lost)
        asyncio.get_running_loop().call_later(SUPERVISION_TIMEOUT_S, self._time_out, self._peers(lost))

    def _peers(self, lost: Controller) -> list[tuple[Controller, Connection]]:
        addresses = {lost.random_address, lost.public_address}
        return [
            (peer, connection)
            for peer in self.controllers
            if peer is not lost
            for connection in peer.le_connections.values()
            if connection.peer_address in addresses
        ]

    @staticmethod
    def _time_out(widowed: list[tuple[Controller, Connection]]) -> None:
        for peer, connection in widowed:
            # By identity: the peer may have disconnected and connected again in the meantime.
            if peer.le_connections.get(connection.peer_address) is connection:
                peer.on_le_disconnected(connection, hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)


class AirController(Controller):
    """The controller of one radio."""

    # Defect: with extended advertising the scan response is a copy of the advertisement as well, and Linux expects
    # events of LL privacy that bumble does not send. Without these bits every host uses legacy advertising.
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LL_PRIVACY
        | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
    )
    # Defect: bumble's 27 bytes, the size of Bluetooth 4.0, cut every frame into pieces. Today's radios have 251.
    le_acl_data_packet_length = 251
    supported_max_tx_octets = 251
    supported_max_rx_octets = 251
    suggested_max_tx_octets = 251

    link: AirLink

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report an advertisement to the host, and the scan response to one that scans actively.

        Defect: bumble reports the advertisement a second time in place of the scan response.
        """
        if self.le_scan_enable:
            kinds = hci.HCI_LE_Advertising_Report_Event.EventType
            self._report(kinds.ADV_IND, pdu.advertiser_address, pdu.data)
            response = self._scan_response(pdu.advertiser_address)
            if self.le_scan_type == 1 and response is not None:
                self._report(kinds.SCAN_RSP, pdu.advertiser_address, response)
        pending = self.pending_le_connection
        if pending is not None and pending.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)

    def _scan_response(self, address: hci.Address) -> bytes | None:
        for controller in self.link.controllers:
            advertiser = controller.le_legacy_advertiser
            if advertiser.enabled and advertiser.address == address:
                return bytes(advertiser.scan_response_data)
        return None

    def _report(
        self, kind: hci.HCI_LE_Advertising_Report_Event.EventType, address: hci.Address, data: bytes
    ) -> None:
        rssi = self.link.strengths.get(address.to_string(with_type_qualifier=False), _RSSI_DBM)
        report = hci.HCI_LE_Advertising_Report_Event.Report(
            event_type=kind, address_type=address.address_type, address=address, data=data, rssi=rssi
        )
        self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        """Cancel a pending connection.

        Defect: bumble answers with success but goes on waiting and never completes the connection, so that a connect to an
        absent sensor never ends and every later one is disallowed.
        """
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        complete = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address.address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        # The command completes first, then the connection (Core specification, vol 4, part E, 7.8.13).
        asyncio.get_running_loop().call_soon(self.send_hci_packet, complete)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


class _Port(asyncio.Protocol):
    """One host's HCI stream and the controller that answers it."""

    def __init__(self, link: AirLink) -> None:
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)
        self._controller = AirController("radio", link=self._link)
        self._controller.set_packet_sink(self)
        self._parser = PacketParser(self._controller)

    def on_packet(self, packet: bytes) -> None:
        """Carry a packet from the controller to the host."""
        if not self._transport.is_closing():
            self._transport.write(packet)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except InvalidPacketError as error:
            # After one bad packet the boundaries of all later packets are unknown.
            _log.warning("A host sent bytes that are not HCI (%s); its radio is switched off.", error)
            self._transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        self._link.lose(self._controller)


@asynccontextmanager
async def open_air(spec: str, link: AirLink | None = None) -> AsyncIterator[str]:
    """Serve an air at ``unix:/path`` or ``tcp:host:port`` and yield the place, with the real port for port 0.

    Raises
    ------
    AirError
        If `spec` is not valid, or something else uses the place.
    """
    link = link or AirLink()
    loop = asyncio.get_running_loop()
    scheme, _, place = spec.partition(":")
    host, _, port = place.rpartition(":")
    if scheme == "unix" and place:
        path = Path(place)
        _clear(path)
        try:
            server = await loop.create_unix_server(lambda: _Port(link), place)
        except OSError as error:
            raise AirError(f"Cannot open an air at {spec}: {error}.") from error
        try:
            yield spec
        finally:
            server.close()
            _remove(path)
    elif scheme == "tcp" and host and port.isdecimal() and int(port) < 65536:
        try:
            server = await loop.create_server(lambda: _Port(link), host, int(port))
        except OSError as error:
            raise AirError(f"Cannot open an air at {spec}: {error}.") from error
        try:
            yield f"tcp:{host}:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
    else:
        raise AirError(
            f'"{spec}" is not a place for an air: write unix:/path or tcp:127.0.0.1:port.', bad_spec=True
        )


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _clear(path: Path) -> None:
    """Remove the socket that a killed air has left behind, but nothing else."""
    if not path.exists():
        return
    if not path.is_socket():
        raise AirError(f"{path} exists and is not a socket; choose another path.", bad_spec=True)
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise AirError(f"An air already runs at {path}; use it, or choose another path.")
