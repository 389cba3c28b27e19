"""The GATT server of an emulated device: Bumble's attribute table, answered at once and in order.

Rules: no task, so that what came first is served first; each request gets an answer, whatever fails; a write
without response never gets one; only the device's own characteristics and their 2902 can be written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bumble import att, gatt
from bumble.gatt_server import Server

from lockbench_emulator.gatt import AttCode, AttRefusal, Characteristic, Properties, Service
from lockbench_emulator.radio.runner import ATT_HEADER, Runner

if TYPE_CHECKING:
    from bumble.device import Connection
    from bumble.device import Device as Host

LARGEST_MTU = 515  # a longer write command would exceed the 512 bytes of a value and vanish in Bumble
NOTIFY_BIT = 0x01  # of the 2902 descriptor (Bluetooth Core, Vol 3 Part G 3.3.3.3)

# Requests that a small lock does not support: long writes, and reads of several handles.
_UNSUPPORTED = (
    att.ATT_Prepare_Write_Request,
    att.ATT_Execute_Write_Request,
    att.ATT_Read_Multiple_Request,
    att.ATT_Read_Multiple_Variable_Request,
)


class DeviceServer(Server):
    """Serves the characteristics of one runner's device."""

    def __init__(self, host: Host, runner: Runner) -> None:
        super().__init__(host)
        self.max_mtu = LARGEST_MTU
        self._runner = runner
        self._ours: dict[int, Characteristic] = {}  # by value handle
        self._values: dict[str, gatt.Characteristic[bytes]] = {}

    def add_device_services(self, services: tuple[Service, ...]) -> None:
        for service in services:
            values = {wanted.uuid: self._characteristic(wanted) for wanted in service.characteristics}
            self.add_service(gatt.Service(service.uuid, list(values.values())))
            self._values |= values
            self._ours |= {values[wanted.uuid].handle: wanted for wanted in service.characteristics}

    def notify(self, connection: Connection, characteristic: str, value: bytes) -> None:
        """Queue one notification. The caller has seen that it fits and is wanted."""
        handle = self._values[characteristic].handle
        pdu = att.ATT_Handle_Value_Notification(attribute_handle=handle, attribute_value=value)
        self.send_gatt_pdu(connection, bytes(pdu))

    def on_bytes(self, connection: Connection, pdu: bytes) -> None:
        """One ATT PDU from the central, which may be anything."""
        try:
            parsed = att.ATT_PDU.from_bytes(pdu)
        except Exception:  # noqa: BLE001 - a central may send anything
            if pdu and pdu[0] & 0x41 == 0:  # a request, not a command and not a response
                self._refuse(connection, pdu[0], 0, att.ATT_INVALID_PDU_ERROR)
            return
        if parsed.op_code & 1 or not self._runner.linked:
            return  # answers to what we never asked; or the device has already closed the link
        self.on_gatt_pdu(connection, parsed)
        self._runner.pump()

    def on_gatt_pdu(self, bearer: att.Bearer, att_pdu: att.ATT_PDU) -> None:
        match att_pdu:
            case att.ATT_Write_Command():
                self._on_write_command(bearer, att_pdu)
                return
            case att.ATT_Write_Request() if code := self._unwritable(bearer, att_pdu):
                self._refuse(bearer, att_pdu.op_code, att_pdu.attribute_handle, code)
                return
        if isinstance(att_pdu, _UNSUPPORTED):
            self._refuse(bearer, att_pdu.op_code, 0, att.ATT_REQUEST_NOT_SUPPORTED_ERROR)
            return
        try:
            self._answer(bearer, att_pdu)
        except att.ATT_Error as error:
            self._refuse(bearer, att_pdu.op_code, error.att_handle, error.error_code)
        except Exception as error:  # noqa: BLE001 - a request without an answer would hang the central
            self._runner.fail(error)
            self._refuse(bearer, att_pdu.op_code, 0, att.ATT_UNLIKELY_ERROR_ERROR)

    def write_cccd(
        self, bearer: att.Bearer, characteristic: gatt.Characteristic[bytes], value: bytes
    ) -> None:
        if len(value) != 2:
            raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR)
        super().write_cccd(bearer, characteristic, value)
        if ours := self._ours.get(characteristic.handle):
            try:
                self._runner.subscribe(ours.uuid, on=bool(value[0] & NOTIFY_BIT))
            except AttRefusal as refusal:
                raise att.ATT_Error(refusal.code) from refusal

    def _answer(self, bearer: att.Bearer, att_pdu: att.ATT_PDU) -> None:
        """Run Bumble's handler to its end now. It is a coroutine in a task; ours never has to wait."""
        handler = getattr(self, f"on_{att_pdu.name.lower()}", None)
        if handler is None:
            super().on_gatt_pdu(bearer, att_pdu)
            return
        at_once = getattr(handler, "__wrapped__", None)
        if at_once is None:
            handler(bearer, att_pdu)
            return
        coroutine = at_once(self, bearer, att_pdu)
        try:
            coroutine.send(None)
        except StopIteration:
            return
        coroutine.close()
        raise RuntimeError(f"{att_pdu.name} would have to wait")

    def _on_write_command(self, bearer: att.Bearer, command: att.ATT_Write_Command) -> None:
        ours = self._ours.get(command.attribute_handle)
        if ours is None:
            return
        if len(command.attribute_value) > bearer.att_mtu - ATT_HEADER:
            self._runner.ignore(ours.uuid, command.attribute_value, AttCode.UNLIKELY)
            return
        try:
            self._runner.write(ours.uuid, command.attribute_value, response=False)
        except AttRefusal:
            return  # the runner has told the observer; there is no answer to a command

    def _unwritable(self, bearer: att.Bearer, request: att.ATT_Write_Request) -> int:
        """The ATT error of a write that never reaches a device, 0 of one that does."""
        attribute = self.get_attribute(request.attribute_handle)
        if attribute is None:
            return att.ATT_INVALID_HANDLE_ERROR
        if len(request.attribute_value) > bearer.att_mtu - ATT_HEADER:
            return att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR
        is_cccd = attribute.type == gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
        if not is_cccd and request.attribute_handle not in self._ours:
            return att.ATT_WRITE_NOT_PERMITTED_ERROR
        return 0

    def _refuse(self, bearer: att.Bearer, op_code: int, handle: int, code: int) -> None:
        self.send_response(
            bearer,
            att.ATT_Error_Response(
                request_opcode_in_error=op_code, attribute_handle_in_error=handle, error_code=code
            ),
        )

    def _characteristic(self, wanted: Characteristic) -> gatt.Characteristic[bytes]:
        descriptors = []
        if wanted.description:
            descriptors.append(
                gatt.Descriptor(
                    gatt.GATT_CHARACTERISTIC_USER_DESCRIPTION_DESCRIPTOR,
                    att.Attribute.READABLE,
                    wanted.description.encode(),
                )
            )
        permissions = att.Attribute.Permissions(0)
        if wanted.properties & Properties.READ:
            permissions |= att.Attribute.READABLE
        if wanted.properties & (Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE):
            permissions |= att.Attribute.WRITEABLE

        def read(_connection: object) -> bytes:
            try:
                return self._runner.read(wanted.uuid)
            except AttRefusal as refusal:
                raise att.ATT_Error(refusal.code) from refusal

        def write(_connection: object, value: bytes) -> None:
            try:
                self._runner.write(wanted.uuid, value, response=True)
            except AttRefusal as refusal:
                raise att.ATT_Error(refusal.code) from refusal

        return gatt.Characteristic(
            wanted.uuid,
            gatt.Characteristic.Properties(int(wanted.properties)),
            permissions,
            att.AttributeValue(read=read, write=write),
            descriptors,
        )
