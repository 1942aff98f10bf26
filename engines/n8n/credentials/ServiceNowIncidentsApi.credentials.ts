import type {
	IAuthenticateGeneric,
	Icon,
	ICredentialTestRequest,
	ICredentialType,
	INodeProperties,
} from 'n8n-workflow';

export class ServiceNowIncidentsApi implements ICredentialType {
	name = 'serviceNowIncidentsApi';

	displayName = 'ServiceNow Incidents API';

	icon: Icon = { light: 'file:../icons/servicenow.svg', dark: 'file:../icons/servicenow.dark.svg' };

	documentationUrl = 'https://www.npmjs.com/package/n8n-nodes-servicenow-incidents';

	properties: INodeProperties[] = [
		{
			displayName: 'Base URL',
			name: 'baseUrl',
			type: 'string',
			default: 'http://127.0.0.1:8080',
			required: true,
			description: 'Where servicenow-http.wasm is served',
		},
		{
			displayName: 'Token',
			name: 'token',
			type: 'string',
			typeOptions: { password: true },
			default: '',
			required: true,
			description: 'The value of SIDECAR_TOKEN',
		},
	];

	authenticate: IAuthenticateGeneric = {
		type: 'generic',
		properties: { headers: { Authorization: '=Bearer {{$credentials.token}}' } },
	};

	// The manifest is behind the token, and answering it calls nobody else.
	test: ICredentialTestRequest = {
		request: { baseURL: '={{$credentials.baseUrl}}', url: '/v1/manifest', method: 'GET' },
	};
}
